#pragma once
// An outside for runs that reach names: a network namespace of the test's own in which the address
// 93.184.216.34 is this machine, with a name server, and servers for HTTP, TLS and a protocol in
// which the server speaks first. Nothing leaves the machine.
#include <string>

#include "own_mounts.h"

namespace ambit::testing {

inline constexpr const char* kOutside = R"(
import http.server, os, socket, ssl, struct, sys, threading, time
place, watched = sys.argv[1], int(sys.argv[2])
public = '93.184.216.34'
names = {n: public for n in ('example.com', 'www.example.com', 'git.example', 'a.deep.example')}
names.update({'private.example': '10.1.2.3', 'local.example': '127.0.0.1',
              'metadata.example': '169.254.169.254', 'dead.example': '93.184.216.35'})

def answer_names():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('127.0.0.53', 53))
    while True:
        q, peer = s.recvfrom(2048)
        labels, at = [], 12
        while q[at]:
            labels.append(q[at + 1:at + 1 + q[at]].decode('latin1'))
            at += q[at] + 1
        name, kind = '.'.join(labels).lower(), struct.unpack('>H', q[at + 1:at + 3])[0]
        with open(place + '/asked', 'a') as log:
            log.write(name + '\n')
        known = name in names
        data = b''
        if known and kind == 1:
            data = b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + socket.inet_aton(names[name])
        s.sendto(q[:2] + struct.pack('>HHHHH', 0x8180 | (0 if known else 3), 1, bool(data), 0, 0)
                 + q[12:at + 5] + data, peer)

class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        if self.path.startswith('/to/'):
            self.send_response(302)
            self.send_header('Location', 'http://' + self.path[4:])
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        if self.path == '/socket' and self.headers.get('Upgrade') == 'websocket':
            self.wfile.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                             b'Connection: Upgrade\r\n\r\n')
            self.wfile.write(b'frame of ' + self.rfile.read1(1000))
            self.close_connection = True
            return
        body = ('%s at %s\n' % (self.path, self.headers['Host'])).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        body = b'%d bytes\n' % len(self.rfile.read(int(self.headers['Content-Length'])))
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

def speak_first():
    s = socket.create_server((public, 22))
    while True:
        c, _ = s.accept()
        c.sendall(b'SSH-2.0-outside\r\n')
        c.recv(100)
        c.close()

plain = http.server.ThreadingHTTPServer((public, 80), Pages)
secure = http.server.ThreadingHTTPServer((public, 443), Pages)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(place + '/cert', place + '/key')
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
for work in (answer_names, plain.serve_forever, secure.serve_forever, speak_first):
    threading.Thread(target=work, daemon=True).start()
open(place + '/ready', 'w').close()
while os.path.exists('/proc/%d' % watched):
    time.sleep(0.05)
)";

/// `command` (sh, as the person, in the project) with that outside; what was asked of its name
/// server is in `asked` below root().
inline Finished WithOutside(Scratch& person, const std::string& command,
                            std::chrono::seconds limit = std::chrono::seconds(60)) {
  person.Write("outside.py", kOutside);
  person.Write("resolv.conf", "nameserver 127.0.0.53\n");
  person.Write("asked", "");
  const std::string place = person.root();
  const std::string set_up =
      "ip link set lo up; ip addr add 93.184.216.34/32 dev lo\n"
      "cd '" +
      place +
      "'\n"
      "mount --bind resolv.conf /etc/resolv.conf\n"
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=example.com -keyout key -out cert 2>/dev/null\n"
      "python3 outside.py '" +
      place +
      "' $$ >servers.log 2>&1 </dev/null &\n"
      "n=0; while ! [ -e ready ] && [ $((n+=1)) -lt 200 ]; do sleep 0.05; done\n"
      "cd project";
  return InOwnMounts(person, set_up, command, {"--net"}, limit);
}

}  // namespace ambit::testing
