"""Generates the messages of the plugin protocol from proto/ into the virtual environment that runs this.

    python make_stubs.py

Run it once after `pip install -r requirements.txt`, and again when the protocol has changed. Afterwards
`from billet.plugin.v1 import panel_pb2` works in this environment.
"""

import sys
import sysconfig
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[3] / "proto"
# google/protobuf/*.proto come with grpcio-tools.
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
# A panel needs no more. A registrar or a gateway needs its own file and google/type/*.proto.
FILES = ["outcome", "plugin", "panel"]


def main() -> int:
    if sys.prefix == sys.base_prefix:
        print("this writes into a virtual environment: make one with `python3 -m venv FOLDER`", file=sys.stderr)
        return 2
    target = sysconfig.get_path("purelib")
    files = [f"billet/plugin/v1/{name}.proto" for name in FILES]
    paths = [f"--proto_path={PROTO}", f"--proto_path={WELL_KNOWN}"]
    return protoc.main(["protoc", *paths, f"--python_out={target}", *files])


if __name__ == "__main__":
    sys.exit(main())
