"""What serves pages, by HTTP and by HTTPS."""
import http.server
import socketserver
import ssl


class Listener(http.server.ThreadingHTTPServer):
    def server_bind(self):
        """Without the library's question for the name of this machine: questions are counted."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def web(pages, plain_at, secure_at, context, plain_by=Listener):
    """Ports 80 and 443 of these addresses."""
    plain = plain_by((plain_at, 80), pages)
    secure = Listener((secure_at, 443), pages)
    secure.socket = context.wrap_socket(secure.socket, server_side=True,
                                        do_handshake_on_connect=False)
    return [plain.serve_forever, secure.serve_forever]
