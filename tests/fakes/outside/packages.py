"""What registries have: packages of npm, of Python (PEP 503) and of Go (GOPROXY), and repositories
of git, made small and complete, with the digests that their clients check."""
import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
import zipfile


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def npm_package(www, name, dependencies, files, more=None):
    manifest = dict(name=name, version='1.0.0', dependencies=dependencies, **(more or {}))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w:gz') as tar:
        for path, text in dict(files, **{'package.json': json.dumps(manifest)}).items():
            entry = tarfile.TarInfo('package/' + path)
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
    digest = base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode()
    tarball = '/%s/-/%s-1.0.0.tgz' % (name, name.split('/')[-1])
    dist = dict(tarball='https://registry.npmjs.org' + tarball, integrity='sha512-' + digest)
    write(www + '/registry.npmjs.org' + tarball, packed.getvalue())
    # Asked for as /NAME, which is a folder above: so it lies beside that (web.py).
    return {'name': name, 'dist-tags': {'latest': '1.0.0'},
            'versions': {'1.0.0': dict(manifest, dist=dist)}}


def npm(www):
    """A tree: greeter needs 20 parts, which need @acme/base; greeter builds itself on install."""
    metadata = []
    part = "module.exports = (n) => n + require('@acme/base');\n"
    for number in range(20):
        metadata.append(npm_package(www, 'part-%d' % number, {'@acme/base': '^1.0.0'},
                                    {'index.js': part}))
    metadata.append(npm_package(www, '@acme/base', {}, {'index.js': 'module.exports = 1;\n'}))
    parts = {'part-%d' % n: '~1.0.0' for n in range(20)}
    greeter = ("const names = Object.keys(require('./package.json').dependencies);\n"
               "module.exports = () => names.reduce((n, name) => require(name)(n), 0);\n")
    metadata.append(npm_package(
        www, 'greeter', parts, {'index.js': greeter, 'cli.js': '#!/usr/bin/env node\n'
                                "console.log('parts', require('./index.js')());\n"},
        {'bin': {'greeter': 'cli.js'}, 'scripts': {'postinstall': 'node cli.js > built'}}))
    for about in metadata:
        write('%s/registry.npmjs.org.about/%s' % (www, about['name']), json.dumps(about))


def python(www):
    wheel = io.BytesIO()
    record = ''
    with zipfile.ZipFile(wheel, 'w') as archive:
        for path, text in (
                ('greeter.py', "def greet():\n    return 'greeter 1.0.0'\n"),
                ('greeter-1.0.0.dist-info/METADATA',
                 'Metadata-Version: 2.1\nName: greeter\nVersion: 1.0.0\n'),
                ('greeter-1.0.0.dist-info/WHEEL',
                 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')):
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += '%s,sha256=%s,%d\n' % (path, digest.decode().rstrip('='), len(text))
        archive.writestr('greeter-1.0.0.dist-info/RECORD',
                         record + 'greeter-1.0.0.dist-info/RECORD,,\n')
    file = 'greeter-1.0.0-py3-none-any.whl'
    digest = hashlib.sha256(wheel.getvalue()).hexdigest()
    write('%s/files.pythonhosted.org/packages/%s' % (www, file), wheel.getvalue())
    link = '<a href="https://files.pythonhosted.org/packages/%s#sha256=%s">%s</a>'
    write(www + '/pypi.org/simple/greeter/index.html',
          '<!DOCTYPE html><html><body>%s</body></html>' % (link % (file, digest, file)))


def go(www):
    module, version = 'github.com/acme/greeter', 'v1.0.0'
    files = {'go.mod': 'module %s\n\ngo 1.19\n' % module,
             'greeter.go': 'package greeter\n\nfunc Greet() string { return "greeter 1.0.0" }\n'}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w') as archive:
        for path, text in files.items():
            archive.writestr('%s@%s/%s' % (module, version, path), text)
    base = '%s/proxy.golang.org/%s/@v/' % (www, module)
    write(base + 'list', version + '\n')
    write(base + version + '.info', json.dumps(dict(Version=version, Time='2024-01-02T03:04:05Z')))
    write(base + version + '.mod', files['go.mod'])
    write(base + version + '.zip', packed.getvalue())


def repositories(place):
    """github.com/acme/greeter, a crate; the same at gitlab.com, for a host that is refused."""
    work = place + '/greeter'
    write(work + '/Cargo.toml', '[package]\nname = "greeter"\nversion = "1.0.0"\nedition = "2021"\n')
    write(work + '/src/lib.rs', 'pub fn greet() -> &\'static str { "greeter 1.0.0" }\n')

    def git(*words, cwd=work):
        subprocess.run(['git', '-c', 'user.name=T', '-c', 'user.email=t@example.org', *words],
                       cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    git('init', '-q', '-b', 'main')
    git('add', '-A')
    git('commit', '-q', '-m', 'start')
    for host in ('github.com', 'gitlab.com'):
        bare = '%s/git/%s/acme/greeter.git' % (place, host)
        git('clone', '-q', '--bare', work, bare, cwd=place)
        git('config', 'http.receivepack', 'true', cwd=bare)
    owner = os.stat(place)
    if os.getuid() == 0:
        subprocess.run(['chown', '-R', '%d:%d' % (owner.st_uid, owner.st_gid), place + '/git'],
                       check=True)


def make(place):
    npm(place + '/www')
    python(place + '/www')
    go(place + '/www')
    repositories(place)
