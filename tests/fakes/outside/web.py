"""The web of the outside: files under the names of registries, git under those of its hosts, and for
every other name a page that says what was asked of whom."""
import http.server
import os
import subprocess
import urllib.parse

import listeners
import names


# Asks once more, and says what it got.
PAGE = b'''<!doctype html><p id=out>nothing</p><script>
fetch('/more', {cache: 'no-store'}).then(answer => answer.text()).then(
  text => { document.getElementById('out').textContent = 'got ' + text; });
</script>
'''


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    place = ''

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.send_header('Alt-Svc', 'h3=":443"; ma=3600')  # there is no HTTP/3, and they may try
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def do_GET(self):
        host = self.headers['Host'].split(':')[0]
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        tree = os.path.join(self.place, 'www', host)
        if host in ('github.com', 'gitlab.com'):
            self.git(host, body)
        elif os.path.isdir(tree):
            file = tree + path + ('index.html' if path.endswith('/') else '')
            if host == 'registry.npmjs.org' and not os.path.isfile(file):
                file = tree + '.about' + path
            if not os.path.isfile(file):
                self.answer(404, 'text/plain', b'nothing here\n')
                return
            with open(file, 'rb') as content:
                kind = 'text/html' if path.endswith('/') else 'application/octet-stream'
                self.answer(200, kind, content.read())
        elif path == '/page':
            self.answer(200, 'text/html', PAGE)
        else:
            self.answer(200, 'text/plain', ('%s at %s\n' % (self.path, host)).encode())

    do_POST = do_HEAD = do_GET

    def git(self, host, body):
        """git's own program for the web, as a web server calls it (git-http-backend(1))."""
        url = urllib.parse.urlsplit(self.path)
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=os.path.join(self.place, 'git', host),
            GIT_HTTP_EXPORT_ALL='1', REQUEST_METHOD=self.command, PATH_INFO=url.path,
            QUERY_STRING=url.query, CONTENT_TYPE=self.headers.get('Content-Type', ''),
            CONTENT_LENGTH=str(len(body)), REMOTE_ADDR='inside', REMOTE_USER='pusher',
            HTTP_CONTENT_ENCODING=self.headers.get('Content-Encoding', ''),
            HTTP_GIT_PROTOCOL=self.headers.get('Git-Protocol', ''),
            GIT_CONFIG_COUNT='1', GIT_CONFIG_KEY_0='safe.directory', GIT_CONFIG_VALUE_0='*')
        done = subprocess.run(['git', 'http-backend'], input=body, env=environment,
                              stdout=subprocess.PIPE, check=True).stdout
        head, body = done.split(b'\r\n\r\n', 1)
        fields = dict(line.split(': ', 1) for line in head.decode().split('\r\n'))
        self.answer(int(fields.get('Status', '200').split()[0]), fields['Content-Type'], body)

    def log_message(self, *_):
        pass


def servers(place):
    Pages.place = place
    return listeners.web(Pages, names.WEB, names.WEB, tls(place))


def tls(place):
    return listeners.tls(place + '/cert.pem', place + '/key.pem')
