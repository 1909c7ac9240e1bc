"""An outside: pages.py PLACE PID serves names, pages that say what was asked of whom, by HTTP and
HTTPS, a protocol in which the server speaks first, and a proxy, as long as the process PID is there.
PLACE/ready appears when all of it answers. When there is PLACE/project/started the machine gets an
address, and then there is PLACE/moved."""
import http.server
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import listeners
import names
import proxy

PUBLIC, PRIVATE, RESETTING = names.WEB, '10.1.2.3', '93.184.216.37'
KNOWN = {name: PUBLIC for name in ('example.com', 'www.example.com', 'git.example', 'a.deep.example')}
KNOWN.update({
    'private.example': PRIVATE, 'laboratory.example': '203.0.113.80',
    'local.example': '127.0.0.1', 'metadata.example': '169.254.169.254',
    'own.example': '192.168.77.2', 'public-own.example': '8.8.4.4', 'dead.example': '93.184.216.35',
    'later.example': '93.184.216.36',
    'both.example': [PRIVATE, PUBLIC], 'alias.example': names.Alias('local.example'),
    'six.example': ['fd00::1'], 'turns.example': names.Turns(PUBLIC, PRIVATE),
    'reset.example': RESETTING,
    # Behind .35 is nobody.
    'changes.example': names.Turns(
        PUBLIC, '127.0.0.1', PRIVATE, '169.254.169.254', '192.168.77.2',
        ['93.184.216.35', PRIVATE], [PRIVATE, PUBLIC]),
    'kept.example': names.Turns(PUBLIC, PRIVATE, seconds=60),
    'kept-private.example': names.Turns(PRIVATE, PUBLIC, seconds=60)})


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, body):
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == '/never':
            time.sleep(60)
        elif self.path.startswith('/to/'):
            self.send_response(302)
            self.send_header('Location', 'http://' + self.path[4:])
            self.send_header('Content-Length', '0')
            self.end_headers()
        elif self.path == '/socket' and self.headers.get('Upgrade') == 'websocket':
            self.wfile.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                             b'Connection: Upgrade\r\n\r\n')
            self.wfile.write(b'frame of ' + self.rfile.read1(1000))
            self.close_connection = True
        else:
            by_itself = self.path == '/where'
            at = self.connection.getsockname()[0] if by_itself else self.headers['Host']
            self.answer(('%s at %s\n' % (self.path, at)).encode())

    def do_POST(self):
        size = int(self.headers['Content-Length'])
        self.answer(b'%d bytes\n' % len(self.rfile.read(size)))

    def log_message(self, *_):
        pass


class Watched(listeners.Listener):
    """Tells at which of its addresses it was reached."""

    def get_request(self):
        client, peer = super().get_request()
        with open(place + '/reached', 'a') as log:
            log.write(client.getsockname()[0] + '\n')
        return client, peer


def resetter():
    """Resets each connection that stands."""
    bound = socket.create_server((RESETTING, 443))

    def serve():
        while True:
            client, _ = bound.accept()
            time.sleep(0.2)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            client.close()
    return serve


def speaker():
    bound = socket.create_server((PUBLIC, 22))

    def serve():
        while True:
            client, _ = bound.accept()
            client.sendall(b'SSH-2.0-outside\r\n')
            client.recv(100)
            client.close()
    return serve


def move():
    """The machine gets an address that later.example has led to all the time."""
    subprocess.run('ip addr add 93.184.216.36/32 dev lo'.split(), check=True)
    open(place + '/moved', 'w').close()


place, watched = sys.argv[1], int(sys.argv[2])
context = listeners.tls(place + '/cert', place + '/key')
for serve in (names.server(place, KNOWN),
              names.server(place, {**KNOWN, 'vpn.example': PUBLIC}, '127.0.0.54'),
              speaker(), resetter(), proxy.server(place, PUBLIC),
              *listeners.web(Pages, '', PUBLIC, context, plain_by=Watched)):
    threading.Thread(target=serve, daemon=True).start()
open(place + '/ready', 'w').close()
moved = False
while os.path.exists('/proc/%d' % watched):
    if not moved and os.path.exists(place + '/project/started'):
        move()
        moved = True
    time.sleep(0.05)
