"""`python -m wasmgate` is the command `wasmgate`."""

from wasmgate.cli import main

if __name__ == "__main__":
    main()
