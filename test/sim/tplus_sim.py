#!/usr/bin/python3
"""Starts the simulator of the T+ OpenAPI; see README.md.

Prints its port as one line and closes stdout, so that a reader gets start-up
and readiness in one step.
"""

import argparse
import json
import os
import signal
import ssl
import sys
import threading
import time
import warnings

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simulator.server import App, Server  # noqa: E402
from simulator.switches import SwitchError  # noqa: E402
from simulator.tenant import ConfigError  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description="Simulator of the Chanjet T+ OpenAPI")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--ipv6", action="store_true", help="listen on ::1 instead of 127.0.0.1")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="serve HTTPS")
    parser.add_argument("--tls-max", choices=("1.0", "1.1", "1.2", "1.3"), help="highest TLS version")
    parser.add_argument("--proxy-auth", metavar="USER:PASSWORD", help="what to tell it as a proxy")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process has gone")
    parser.add_argument("--config", metavar="FILE", help="configuration of tenants that nobody configured (JSON)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a switch of such tenants")
    parser.add_argument("--records", type=int, metavar="N", help="inventory items of such tenants")
    parser.add_argument("--seed", help="seed of their records")
    parser.add_argument("--hang", action="store_true", help="accept connections and never answer")
    return parser.parse_args()


def defaults(args):
    config = {}
    if args.config:
        with open(args.config, encoding="utf-8") as f:
            config = json.load(f, parse_float=str)
    switches = dict(config.get("switches") or {})
    for pair in args.set:
        name, equals, value = pair.partition("=")
        if not equals:
            sys.exit("--set wants NAME=VALUE, not %r" % pair)
        switches[name] = value
    config["switches"] = switches
    if args.records is not None:
        config["records"] = args.records
    if args.seed is not None:
        config["seed"] = args.seed
    return config


def tls_context(args):
    if not args.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if args.tls_max:
        warnings.simplefilter("ignore", DeprecationWarning)
        version = getattr(ssl.TLSVersion, "TLSv" + args.tls_max.replace("1.0", "1").replace(".", "_"))
        if args.tls_max in ("1.0", "1.1"):
            # the library has to be talked into offering what nobody should use
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    context.load_cert_chain(*args.tls)
    return context


def birth(pid):
    """When a process started, or None if it has gone (a zombie counts as gone)."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            words = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in "ZX" else words[19]


def watch(pid):
    born = birth(pid)
    while born is not None and birth(pid) == born:
        time.sleep(0.25)
    os._exit(0)


def main():
    args = arguments()
    # stalls and idle connections must not delay the end
    ends = (signal.SIGTERM, signal.SIGINT)
    for number in ends:
        signal.signal(number, lambda *_: os._exit(0))
    threading.stack_size(512 * 1024)
    try:
        app = App(defaults(args))
        app.create("", {})
        server = Server(app, args.port, args.ipv6, tls_context(args), args.hang, args.proxy_auth)
    except (SwitchError, ConfigError, OSError, ValueError) as e:
        sys.exit("tplus_sim: %s" % e)
    # from here on they wait for sigwait(), whichever thread is running
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    if args.parent:
        threading.Thread(target=watch, args=(args.parent,), daemon=True).start()
    threading.Thread(target=server.run, daemon=True).start()
    print(server.port, flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.sigwait(ends)
    os._exit(0)


if __name__ == "__main__":
    main()
