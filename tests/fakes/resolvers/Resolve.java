// What Java's resolver makes of each name.
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;

class Resolve {
  public static void main(String[] names) {
    for (String name : names) {
      StringBuilder line = new StringBuilder(name + ":");
      try {
        for (InetAddress address : InetAddress.getAllByName(name))
          line.append(address instanceof Inet4Address ? " A" : " AAAA");
      } catch (UnknownHostException refused) {
        line.append(" " + refused);
      }
      System.out.println(line);
    }
  }
}
