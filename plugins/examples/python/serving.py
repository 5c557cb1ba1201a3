"""What every plugin's program does, whatever it connects to: the handshake, the token, the end, and calls to methods.

Nothing here knows about folders; take this file and outcome.py along for a plugin of your own.
"""

import hmac
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from concurrent import futures

import grpc
from google.protobuf.message_factory import GetMessageClass

from billet.plugin.v1 import panel_pb2, plugin_pb2
from outcome import Failure, Refused, RetryLater, Unknown, done

TOKEN_ENV = "BILLET_PLUGIN_TOKEN"
TOKEN_KEY = "billet-plugin-token"
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
STOP_TIME_S = 2

log = logging.getLogger("plugin")


class TokenCheck(grpc.ServerInterceptor):
    """Refuses calls that do not carry the token, before anything else looks at them."""

    def __init__(self, token: str):
        self.token = token.encode()
        self.refusal = grpc.unary_unary_rpc_method_handler(
            lambda _, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is wrong")
        )

    def intercept_service(self, continuation, details):
        sent = dict(details.invocation_metadata).get(TOKEN_KEY, "")
        sent = sent if isinstance(sent, bytes) else sent.encode()
        return continuation(details) if hmac.compare_digest(sent, self.token) else self.refusal


class PluginService:
    """Describe, Configure and Health. `configure(settings, secrets)` makes the object that has the panel's methods."""

    def __init__(self, description: plugin_pb2.DescribeResponse, configure):
        self.description, self.configure = description, configure
        self.panel = None

    def Describe(self, _):
        return self.description

    def Configure(self, request):
        # A second Configure replaces the panel; calls at work go on with the one that they began with.
        self.panel = self.configure(request.settings, dict(request.secrets))
        log.info("%s is set up", request.instance)
        return done(plugin_pb2.ConfigureResponse())

    def Health(self, _):
        return done(plugin_pb2.HealthResponse())


def answer(name: str, call, request, response_class):
    """Calls a method; whatever it raises becomes an outcome."""
    began = time.monotonic()
    # What changes something carries an operation.
    changes = "operation" in request.DESCRIPTOR.fields_by_name
    try:
        response, how = call(request), "done"
    except Failure as failure:
        response, how = response_class(outcome=failure.outcome()), f"{failure.field} {failure.kind}"
    except Exception:
        # The traceback may quote secrets: it names the place in the log only, and goes no further.
        log.error("%s broke at %s", name, place_of_failure())
        words = "the plugin broke, see the log"
        failure = Unknown("UNAVAILABLE", words) if changes else RetryLater("UNAVAILABLE", words)
        response, how = response_class(outcome=failure.outcome()), failure.field
    # Questions that go well, Health above all, would fill the log.
    level = logging.INFO if changes or how != "done" else logging.DEBUG
    log.log(level, "%s %s latency_ms=%d", name, how, (time.monotonic() - began) * 1000)
    return response


def place_of_failure() -> str:
    kind, _, trace = sys.exc_info()
    while trace.tb_next:
        trace = trace.tb_next
    return f"{kind.__name__} in {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def handlers(service, find):
    """gRPC handlers for all methods of a service. `find(name)` gives the function, None when the plugin lacks it."""

    def handler(method):
        response_class = GetMessageClass(method.output_type)

        def behaviour(request, context):
            try:
                call = find(method.name)
            except LookupError:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the plugin is not configured yet")
            return answer(method.name, call or missing(method.name), request, response_class)

        return grpc.unary_unary_rpc_method_handler(
            behaviour,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )

    return grpc.method_handlers_generic_handler(
        service.full_name, {method.name: handler(method) for method in service.methods}
    )


def missing(name: str):
    def refuse(_):
        raise Refused("UNSUPPORTED", f"this plugin does not have {name}")

    return refuse


def serve(description: plugin_pb2.DescribeResponse, configure) -> int:
    """Serves a panel until the host goes; answers the exit code."""
    # Read and forgotten: what the plugin starts itself need not know it.
    token = os.environ.pop(TOKEN_ENV, None)
    if not token:
        print(
            f"{description.name} {description.version} ({description.title}) is a plugin of Billet. It is not "
            "started by hand: name it in the settings, see docs/plugins.md.",
            file=sys.stderr,
        )
        return 2
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    plugin = PluginService(description, configure)

    def find(name):
        if plugin.panel is None:
            raise LookupError(name)
        return getattr(plugin.panel, name, None) if name in description.capabilities else None

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    # Mode 0700: nobody else reaches the socket in it.
    folder = tempfile.mkdtemp(prefix="billet-plugin-")
    try:
        server = grpc.server(
            # Two places more than the host's calls take, so that Health is always answered.
            futures.ThreadPoolExecutor(max_workers=description.concurrency_max + 2),
            interceptors=[TokenCheck(token)],
            options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
                ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
            ],
        )
        own = plugin_pb2.DESCRIPTOR.services_by_name["PluginService"]
        panel = panel_pb2.DESCRIPTOR.services_by_name["PanelService"]
        server.add_generic_rpc_handlers((handlers(own, lambda name: getattr(plugin, name)), handlers(panel, find)))
        server.add_insecure_port(f"unix:{folder}/socket")
        server.start()
        print(f"1|1|unix|{folder}/socket|grpc", flush=True)
        # The host reads nothing more there: a stray print() shall be seen in the log.
        sys.stdout = sys.stderr
        threading.Thread(target=watch_input, args=(ended,), daemon=True).start()
        ended.wait()
        server.stop(STOP_TIME_S).wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def watch_input(ended: threading.Event):
    """The host closes the standard input when the plugin shall end; when the host dies, the system does."""
    while os.read(0, 64):
        pass
    ended.set()
