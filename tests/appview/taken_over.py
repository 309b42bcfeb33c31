"""A reader of sounds that its sound has taken over: it says what the sound wants, if anything."""

import sys
import time

if __name__ == "__main__":
    sys.stdin.buffer.seek(0)
    said = sys.stdin.buffer.read()
    if said == b"nothing":
        time.sleep(3_600)
    sys.stdout.buffer.write(said)
