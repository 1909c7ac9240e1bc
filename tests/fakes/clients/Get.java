// Get CA URL [VIA]: prints the page by HttpClient, or what Java says of it. VIA: the host that is
// connected to instead, and only the handshake is made.
import java.io.FileInputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

class Get {
  public static void main(String[] words) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (FileInputStream file = new FileInputStream(words[0])) {
      store.setCertificateEntry(
          "ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    URI url = URI.create(words[1]);
    try {
      if (words.length > 2) {
        Socket plain = new Socket(words[2], 443);
        ((SSLSocket) context.getSocketFactory().createSocket(plain, url.getHost(), 443, true))
            .startHandshake();
      }
      InetAddress.getByName(url.getHost());
      HttpClient client = HttpClient.newBuilder().sslContext(context).build();
      System.out.print(client.send(HttpRequest.newBuilder(url).build(),
                                   HttpResponse.BodyHandlers.ofString()).body());
    } catch (Exception refused) {
      System.out.println(refused);
    }
  }
}
