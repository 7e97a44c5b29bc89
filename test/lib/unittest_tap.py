"""unittest_tap.py FILE: runs the unittest cases of FILE and prints TAP."""
import importlib.util
import os
import sys
import unittest


class TapResult(unittest.TestResult):
    count = 0

    def line(self, word, test, note=""):
        self.count += 1
        print(f"{word} {self.count} - {test.id()}{note}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.line("ok", test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.line("not ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.complain(test, self.failures)

    def addError(self, test, err):
        super().addError(test, err)
        self.complain(test, self.errors)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.line("not ok", subtest)
            print(self._exc_info_to_string(err, test), file=sys.stderr)

    def complain(self, test, where):
        self.line("not ok", test)
        print(where[-1][1], file=sys.stderr)


def main(path):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("under_test", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["under_test"] = module
    spec.loader.exec_module(module)
    result = TapResult()
    unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    print(f"1..{result.count}")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
