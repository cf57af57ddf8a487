# tests/profile.sh - words for scenarios of sampling; included after scenario.sh and ledger.sh.
#
#   sampled OPTIONS NAME   starts ./NAME on the Strata malloc with STRATA_MALLOC=OPTIONS
#   site FUNCTION FIELD    what all sites of it have together, of the profile that was run last
#   is_about FUNCTION TRUE [SLACK]   its live bytes are TRUE within six standard errors and SLACK

strata_malloc=${STRATA_MALLOC_LIB:-$BUILD/lib/libstrata-malloc.so}
[[ -e $strata_malloc ]] || skip "there is no $strata_malloc: a build with a sanitizer has none"

sampled() {
  cat >"on-$2" <<END
#!/bin/sh
exec env STRATA_MALLOC='$1' LD_PRELOAD='$strata_malloc' './$2'
END
  chmod +x "on-$2"
  specimen "./on-$2"
}

site() {
  jq -r --arg name "$1" "[.sites[] | select(.site | index(\$name)) | .$2] | add // 0" stdout
}

is_about() {
  local live error
  live=$(site "$1" live_bytes)
  error=$(jq --arg name "$1" \
    '[.sites[] | select(.site | index($name)) | .error_bytes | . * .] | add // 0 | sqrt | ceil' stdout)
  holds "$live - $2 <= 6 * $error && $2 - $live <= 6 * $error + ${3:-0}" \
    "$1 holds $2 bytes, the profile says $live +- $error"
  # Else any figure would do.
  holds "$error * 20 < $2" "the profile of $1 is sharp: +- $error of $2"
}
