# A Java program that holds 100 MB adds up, and less than 1 % of it is unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
needs java

cat >Hold.java <<'JAVA'
import java.util.*;
public class Hold {
  static List<Object> held = new ArrayList<>();
  public static void main(String[] a) throws Exception {
    for (int i = 0; i < 800000; ++i) held.add(new String("value " + i));
    held.add(new byte[40 << 20]);
    new java.io.File("ready").createNewFile();
    Thread.sleep(3600000);
  }
}
JAVA
if command -v javac >/dev/null; then
  javac Hold.java
  java -Xmx256m Hold &
else
  java -Xmx256m Hold.java &  # compiles in memory, where the JDK is whole
fi
java=$!
ready_or_gone() { [[ -e ready ]] || ! kill -0 "$java" 2>/dev/null; }
eventually ready_or_gone
[[ -e ready ]] || skip 'needs javac, or a java that compiles'
holds_up "$java" java
