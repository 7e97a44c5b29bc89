"""Runs last: nothing of the simulator may be without a test or a word in README.md."""

import os
import re
import unittest

from simulator.faults import EDITS, OTHER, REPLACE, TRANSPORT
from simulator.message import NAMED
from simulator.store import Store
from simulator.switches import TABLE

from . import base


class Complete(unittest.TestCase):
    def test_all_switches_used(self):
        if not base.used_switches:
            self.skipTest("run alone")
        self.assertEqual({s.name for s in TABLE} - base.used_switches, set())

    def test_all_faults_used(self):
        if not base.used_actions:
            self.skipTest("run alone")
        self.assertEqual((TRANSPORT | EDITS | REPLACE | OTHER | set(NAMED)) - base.used_actions, set())

    def test_all_mutations_used(self):
        if not base.used_mutations:
            self.skipTest("run alone")
        self.assertEqual({name[4:] for name in dir(Store) if name.startswith("_do_")} - base.used_mutations, set())

    def test_readme(self):
        with open(os.path.join(base.HERE, "README.md"), encoding="utf-8") as f:
            text = f.read()
        rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", text.partition("## Switches")[2], re.M))
        self.assertEqual(set(rows), {s.name for s in TABLE})
        for switch in TABLE:
            self.assertEqual(re.findall(r"`([^`]+)`", rows[switch.name])[:len(switch.values) or None],
                             list(switch.values) or re.findall(r"`([^`]+)`", rows[switch.name]), switch.name)
        for action in TRANSPORT | EDITS | REPLACE | OTHER | set(NAMED):
            self.assertIn("`%s`" % action, text)
