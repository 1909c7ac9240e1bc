#!/bin/sh
# Every path below the working directory but git's own: type, mode, link, and what files hold.
set -eu
find . -path ./.git -prune -o -printf '%P %y %m %l\n' | LC_ALL=C sort
find . -path ./.git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
