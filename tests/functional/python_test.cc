// Python inside a run: environments of its own, many processes, a database file.
#include "everyday.h"

namespace ambit::testing {
namespace {

class Python : public Everyday {};
INSTANTIATE_TEST_SUITE_P(As, Python, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(Python, AVirtualEnvironmentIsMadeAndInstallsAndRunsAModule) {
  person_.Write("wheel.py", R"(import zipfile
info = 'greeter-0.1.dist-info/'
with zipfile.ZipFile('project/greeter-0.1-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('greeter.py', """import sys

def main():
    print('hello from', sys.prefix != sys.base_prefix)

if __name__ == '__main__':
    main()
""")
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\nName: greeter\nVersion: 0.1\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr(info + 'entry_points.txt', '[console_scripts]\ngreet = greeter:main\n')
    wheel.writestr(info + 'RECORD', '')
)");
  ASSERT_EQ(person_.Execute({"/usr/bin/python3", "wheel.py"}, person_.root()).exit_code, 0);
  const std::string out = ExpectSameInsideAndOutside(
      "/usr/bin/python3 -m venv venv && "
      "venv/bin/pip install -q --no-index ./greeter-0.1-py3-none-any.whl && "
      "venv/bin/greet && venv/bin/python -m greeter && . venv/bin/activate && "
      "python -c 'import greeter, os; print(os.path.relpath(greeter.__file__))' && "
      "pip list --format freeze | grep greeter",
      std::chrono::seconds(180));
  EXPECT_NE(out.find("hello from True\nhello from True\nvenv/lib/python3"), std::string::npos)
      << out;
  EXPECT_NE(out.find("greeter==0.1"), std::string::npos) << out;
}

TEST_P(Python, ProcessPoolsSharedMemoryAndSemaphoresWork) {
  person_.Write("project/pool.py", R"(import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory

def square(x):
    return x * x

def fill(name, lock, at):
    block = shared_memory.SharedMemory(name=name)
    with lock:
        block.buf[at] = at + 1
    block.close()

if __name__ == '__main__':
    for method in ('fork', 'spawn', 'forkserver'):
        with mp.get_context(method).Pool(3) as pool:
            print(method, sum(pool.map(square, range(100))))
    with ProcessPoolExecutor(2) as executor:
        print(sum(executor.map(square, range(10))))
    block = shared_memory.SharedMemory(create=True, size=4)
    lock = mp.Lock()
    workers = [mp.Process(target=fill, args=(block.name, lock, i)) for i in range(4)]
    for w in workers: w.start()
    for w in workers: w.join()
    print(bytes(block.buf[:4]).hex())
    block.close()
    block.unlink()
)");
  EXPECT_EQ(ExpectSameInsideAndOutside("/usr/bin/python3 pool.py"),
            "fork 328350\nspawn 328350\nforkserver 328350\n285\n01020304\n");
}

TEST_P(Python, SqliteKeepsAWriteAheadLogInTheProject) {
  person_.Write("project/db.py", R"(import sqlite3, os
one = sqlite3.connect('data.db')
print(one.execute('pragma journal_mode=wal').fetchone()[0])
one.execute('create table if not exists t(a)')
one.executemany('insert into t values(?)', ((i,) for i in range(1000)))
two = sqlite3.connect('data.db')
print(two.execute('select count(*) from t').fetchone()[0])
one.commit()
print(two.execute('select count(*), sum(a) from t').fetchone(), os.path.exists('data.db-shm'))
)");
  EXPECT_EQ(ExpectSameInsideAndOutside("/usr/bin/python3 db.py; rm data.db*"),
            "wal\n0\n(1000, 499500) True\n");
}

TEST_P(Python, TheStandardLibraryFindsTheUserTheHostNameTheTimeZoneAndTemporaryFiles) {
  const Finished run = person_.Sh(
      "/usr/bin/python3 -c \"import getpass,pwd,os,socket,tempfile,time,pathlib,pty,ssl\n"
      "print(getpass.getuser() == pwd.getpwuid(os.getuid()).pw_name)\n"
      "print(str(pathlib.Path.home()) == os.environ['HOME'], os.access(os.environ['HOME'], 7))\n"
      "print(socket.gethostbyname(socket.gethostname()), socket.gethostbyname('localhost'))\n"
      "print(tempfile.NamedTemporaryFile().name.startswith('/tmp/'))\n"
      "print(len(ssl.create_default_context().get_ca_certs()) > 10)\n"
      "print(pty.spawn(['sh', '-c', 'test -t 0 && test -t 1']), len(os.sched_getaffinity(0)) > "
      "0)\"");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "True\nTrue True\n127.0.0.1 127.0.0.1\nTrue\nTrue\n0 True\n") << run.err;
}

TEST_P(Python, ANameThatNobodyAnswersFailsAtOnce) {
  const Finished run = person_.Sh(
      "/usr/bin/python3 -c \"import socket,time\n"
      "start = time.monotonic()\n"
      "try: socket.getaddrinfo('example.invalid', 443)\n"
      "except socket.gaierror: print('no such name')\n"
      "print(time.monotonic() - start < 1)\n"
      "try: socket.create_connection(('192.0.2.1', 443), 5)\n"
      "except OSError as error: print(type(error).__name__)\n"
      "print(time.monotonic() - start < 1)\"");
  EXPECT_EQ(run.out, "no such name\nTrue\nConnectionRefusedError\nTrue\n") << run.err;
}

}  // namespace
}  // namespace ambit::testing
