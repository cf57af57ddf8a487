# tests/glibcs.sh - words for tests that need programs of another glibc than this machine's.
#
#   fetch_glibc SUITE FOLDER   Debian's libc6, its -dev and libgcc-s1, unpacked as FOLDER/root, with a
#                              compiler FOLDER/bin/cc whose programs run by that glibc; prints its
#                              version. What is there is kept. Fails, saying why, where apt cannot.
#   build_specimens FOLDER     all of specimens/ by it, as FOLDER/specimens
#
# apt gets lists, cache and state of its own in FOLDER: those of the machine stay as they are. The
# mirror is the one that the machine's own Debian packages come from.

triplet=$(cc -print-multiarch)

debian_mirror() {
  apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(IDENTIFIER) $(SUITE) $(REPO_URI)' |
    awk '$1 == "Debian" && $2 == "main" && $3 == "Packages" && $4 !~ /-/ {print $5; exit}'
}

fetch_glibc() {
  local suite=$1 folder=$2 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ -e $folder/version ]] || {
    mirror=$(debian_mirror)
    [[ -n $mirror ]] || { echo "apt knows no mirror of Debian here"; return 1; }
    rm -rf "$folder"
    mkdir -p "$folder"/apt/{lists,archives}/partial "$folder"/{bin,root/usr/lib,root/usr/lib64}
    [[ -e $keyring ]] && keyring=" signed-by=$keyring" || keyring=
    local source
    source="deb [arch=$(dpkg --print-architecture)$keyring] $mirror"
    echo "$source $suite main" >"$folder/apt/sources"
    # It holds what is newer than unstable, and no more.
    [[ $suite != experimental ]] || echo "$source sid main" >>"$folder/apt/sources"
    : >"$folder/apt/status"
    apt_of_ "$folder" update >"$folder/log" 2>&1 &&
      (cd "$folder/apt/archives" && apt_of_ "$folder" download "libc6/$suite" "libc6-dev/$suite" libgcc-s1) \
        >>"$folder/log" 2>&1 || { tail -n 1 "$folder/log"; return 1; }
    # In one tree, as in all Debians of today; older packages know of two.
    ln -s usr/lib usr/lib64 "$folder/root"
    local package
    for package in "$folder"/apt/archives/*.deb; do
      dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$folder/root" || return
    done
    # Links of older packages lead from the root of all.
    local link
    find "$folder/root" -type l -lname '/*' | while read -r link; do
      ln -sfn "$folder/root$(readlink "$link")" "$link"
    done
    write_compiler_ "$folder"
    package=("$folder"/apt/archives/libc6_*.deb)
    dpkg-deb --field "${package[0]}" Version >"$folder/version.new"
    rm -rf "$folder/apt"
    mv "$folder/version.new" "$folder/version"  # last: with it all is there
  }
  cat "$folder/version"
}

apt_of_() {
  local own=$1/apt
  shift
  apt-get -q -o Dir::Etc::SourceList="$own/sources" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State="$own" -o Dir::State::Lists="$own/lists" -o Dir::State::status="$own/status" \
    -o Dir::Cache="$own" -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" \
    -o APT::Update::Error-Mode=any "$@"
}

loader_of() { (cd "$1/root/usr/lib/$triplet" && printf '%s\n' "$PWD"/ld-linux*.so.*); }
libraries_of() { printf '%s\n' "$1/root/usr/lib/$triplet"; }

# The kernel's headers are this machine's. -B, as a compiler looks beside itself before it looks in a
# --sysroot. mallinfo2 came with 2.33; before, mallinfo says the same of heaps under 2 GiB. Until then
# threads, dlsym and shm_open had libraries of their own. This compiler's unwinder, in a static
# program, wants _dl_find_object of 2.35; none of ours unwinds. With old dtags libraries' own libraries
# are found by the program's path too.
write_compiler_() {
  local libraries needs=
  libraries=$(libraries_of "$1")
  grep -qw mallinfo2 "$1/root/usr/include/malloc.h" || needs+=' -Dmallinfo2=mallinfo'
  grep -qw _dl_find_object "$1/root/usr/include/dlfcn.h" || needs+=' -Wl,--defsym=_dl_find_object=0'
  cat >"$1/bin/cc" <<END
#!/bin/sh
case "\$*" in
  *-static*) found= ;;
  *) found='-Wl,--dynamic-linker=$(loader_of "$1") -Wl,--disable-new-dtags,-rpath=$libraries' ;;
esac
exec $(command -v cc) --sysroot=$1/root -B$libraries$needs \\
  -idirafter /usr/include/$triplet -idirafter /usr/include "\$@" \$found -lpthread -ldl -lrt
END
  chmod +x "$1/bin/cc"
}

build_specimens() {
  local source name flags built=$1/specimens
  mkdir -p "$built"
  for source in "$ROOT"/specimens/*.c "$ROOT"/specimens/guest/guest.c; do
    name=${source##*/} name=${name%.c}
    flags=$(sed -n 's,^// Flags  *,,p' "$source")
    [[ $flags != *-m32* ]] || continue
    [[ $name != guest ]] || { name=guest.so flags='-shared -fPIC'; }
    [[ $built/$name -nt $source && $built/$name -nt $ROOT/specimens/specimen.h ]] ||
      # As specimens/CMakeLists.txt does it. shellcheck disable=SC2086  # a list of flags
      "$1/bin/cc" -std=gnu11 -O1 -g -fno-omit-frame-pointer -w -D_GNU_SOURCE -pthread $flags \
        -o "$built/$name" "$source" || return
  done
}
