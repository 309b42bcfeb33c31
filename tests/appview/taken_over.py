"""A reader of sounds that its sound has taken over: it says what the sound wants."""

import sys

if __name__ == "__main__":
    sys.stdin.buffer.seek(0)
    sys.stdout.buffer.write(sys.stdin.buffer.read())
