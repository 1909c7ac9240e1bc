#pragma once
// An outside for runs that reach names: a network namespace of the test's own in which the address
// 93.184.216.34 and 10.1.2.3 answer (by routes: they are on no interface), and the machine's own
// addresses are 192.168.77.2 and 8.8.4.4; with a name server, an HTTP proxy, and servers for HTTP,
// TLS (by a CA of its own, ca.crt) and a protocol in which the server speaks first. Nothing leaves
// the machine.
#include <string>

#include "own_mounts.h"

namespace ambit::testing {

inline constexpr const char* kOutside = R"(
import http.server, os, socket, ssl, struct, sys, threading, time
place, watched = sys.argv[1], int(sys.argv[2])
public = '93.184.216.34'
names = {n: public for n in ('example.com', 'www.example.com', 'git.example', 'a.deep.example')}
names.update({'private.example': '10.1.2.3', 'local.example': '127.0.0.1',
              'metadata.example': '169.254.169.254', 'dead.example': '93.184.216.35',
              'own.example': '192.168.77.2', 'public-own.example': '8.8.4.4'})

names['later.example'] = '93.184.216.36'
names['reset.example'] = '93.184.216.37'

# Names whose answers take turns: how long each may be kept, and the answers. Behind .35 is nobody.
turning = {
    'changes.example': (0, [public, '127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.77.2',
                            '93.184.216.35 10.1.2.3', '10.1.2.3 ' + public]),
    'kept.example': (60, [public, '10.1.2.3']),
    'kept-private.example': (60, ['10.1.2.3', public])}
turns = {name: 0 for name in turning}

def answer_of(name, names):
    if name not in turning:
        return 60, names[name].split()
    ttl, answers = turning[name]
    turns[name] += 1
    return ttl, answers[(turns[name] - 1) % len(answers)].split()

def answer_names(at='127.0.0.53', names=names):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((at, 53))
    while True:
        q, peer = s.recvfrom(2048)
        labels, at = [], 12
        while q[at]:
            labels.append(q[at + 1:at + 1 + q[at]].decode('latin1'))
            at += q[at] + 1
        name, kind = '.'.join(labels).lower(), struct.unpack('>H', q[at + 1:at + 3])[0]
        with open(place + '/asked', 'a') as log:
            log.write(name + '\n')
        known = name in names or name in turning
        ttl, addresses = answer_of(name, names) if known and kind == 1 else (0, [])
        data = b''.join(b'\xc0\x0c\0\1\0\1' + struct.pack('>IH', ttl, 4) + socket.inet_aton(a)
                        for a in addresses)
        s.sendto(q[:2] + struct.pack('>HHHHH', 0x8180 | (0 if known else 3), 1, len(addresses), 0, 0)
                 + q[12:at + 5] + data, peer)

def answer_names_of_vpn():
    answer_names('127.0.0.54', {**names, 'vpn.example': public})

class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        if self.path == '/never':
            return time.sleep(60)
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
        at = self.headers['Host']
        if self.path == '/where':
            at = self.connection.getsockname()[0]
        body = ('%s at %s\n' % (self.path, at)).encode()
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

def carry(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def give_tunnel(c):
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += c.recv(1)
    lines = head.decode().split('\r\n')
    with open(place + '/proxied', 'a') as log:
        log.write(' | '.join(line for line in lines if line) + '\n')
    name, port = lines[0].split()[1].rsplit(':', 1)
    if name == 'blocked.example':
        c.sendall(b'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno')
        return c.close()
    if name == 'garbage.example':
        c.sendall(b'SSH-2.0-no proxy\r\n\r\n')
        return c.close()
    if name == 'silent.example':
        return time.sleep(60)
    d = socket.create_connection((public, int(port)))
    # In one piece with what the server says first.
    first = d.recv(100) if port == '22' else b''
    c.sendall(b'HTTP/1.1 200 Connection established\r\nVia: outside\r\n\r\n' + first)
    threading.Thread(target=carry, args=(d, c), daemon=True).start()
    carry(c, d)

def serve_proxy():
    s = socket.create_server(('127.0.0.1', 3128))
    while True:
        threading.Thread(target=give_tunnel, args=(s.accept()[0],), daemon=True).start()

def speak_first():
    s = socket.create_server((public, 22))
    while True:
        c, _ = s.accept()
        c.sendall(b'SSH-2.0-outside\r\n')
        c.recv(100)
        c.close()

def reset_each_that_stands():
    s = socket.create_server(('93.184.216.37', 443))
    while True:
        c, _ = s.accept()
        time.sleep(0.2)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        c.close()

class Watched(http.server.ThreadingHTTPServer):
    def get_request(self):
        c, peer = super().get_request()
        with open(place + '/reached', 'a') as log:
            log.write(c.getsockname()[0] + '\n')
        return c, peer

plain = Watched(('', 80), Pages)
secure = http.server.ThreadingHTTPServer((public, 443), Pages)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(place + '/cert', place + '/key')
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
for work in (answer_names, answer_names_of_vpn, plain.serve_forever, secure.serve_forever, speak_first, serve_proxy,
             reset_each_that_stands):
    threading.Thread(target=work, daemon=True).start()
open(place + '/ready', 'w').close()
while os.path.exists('/proc/%d' % watched):
    time.sleep(0.05)
)";

/// `command` (sh, as the person, in the project) with that outside; what was asked of its name
/// server is in `asked` below root(), of its proxy at 127.0.0.1:3128 in `proxied`, and at which of
/// its addresses its server for HTTP was reached in `reached`. When there is
/// `started` in the project, 93.184.216.36, which was another machine's, becomes this one's, and
/// then there is `moved`.
inline Finished WithOutside(Scratch& person, const std::string& command,
                            std::chrono::seconds limit = std::chrono::seconds(60)) {
  person.Write("outside.py", kOutside);
  person.Write("resolv.conf", "nameserver 127.0.0.53\n");
  person.Write("hosts", "127.0.0.1 localhost\n::1 localhost\n");
  person.Write("asked", "");
  person.Write("proxied", "");
  person.Write("reached", "");
  const std::string place = person.root();
  const std::string set_up =
      "ip link set lo up; ip addr add 192.168.77.2/32 dev lo; ip addr add 8.8.4.4/32 dev lo\n"
      "ip route add local 93.184.216.34/32 dev lo; ip route add local 10.1.2.3/32 dev lo\n"
      "ip route add local 93.184.216.36/32 dev lo; ip route add local 93.184.216.37/32 dev lo\n"
      "ip route add local 169.254.169.254/32 dev lo\n"
      "cd '" +
      place +
      "'; rm -f ready moved project/started\n"
      "mount --bind resolv.conf /etc/resolv.conf; mount --bind hosts /etc/hosts\n"
      "new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'\n"
      "openssl req -x509 $new -days 2 -subj /CN=corp -keyout ca.key -out ca.crt 2>/dev/null\n"
      "openssl req $new -subj /CN=example.com -keyout key -out request 2>/dev/null\n"
      "echo subjectAltName=DNS:example.com >names\n"
      "openssl x509 -req -in request -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 "
      "-extfile names -out cert 2>/dev/null\n"
      "python3 outside.py '" +
      place +
      "' $$ >servers.log 2>&1 </dev/null &\n"
      "{ n=0; while ! [ -e project/started ] && [ $((n+=1)) -lt 600 ]; do sleep 0.1; done\n"
      "  ip addr add 93.184.216.36/32 dev lo; touch moved; } >/dev/null 2>&1 </dev/null &\n"
      "n=0; while ! [ -e ready ] && [ $((n+=1)) -lt 200 ]; do sleep 0.05; done\n"
      "cd project";
  return InOwnMounts(person, set_up, command, {"--net"}, limit);
}

}  // namespace ambit::testing
