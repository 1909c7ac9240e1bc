# shellcheck shell=bash disable=SC2034  # read by tools/dev/repositories_exam.sh
# Python; modules move, and what is changed below .github and for agents is held.
agent=codex
Fetch() { FetchDebian toolz "$1"; }
check='/usr/bin/python3 -m pytest toolz'
before='18[0-9] passed'
after='test_pairwise\.py \.\.'
held=(.gitattributes .github/workflows/test.yml AGENTS.md)
