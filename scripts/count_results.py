"""Sums up the results that suites.sh has kept in a directory; prints `N passed, M failed` last.

NAME.check holds the exit code of a command that is one test by itself. NAME.suite holds that of a suite whose JUnit XML
is NAME.xml. A test that is there more than once was run again, and its last run counts; the table names those that
passed so (docs/decisions/0012). A suite that could not run, ran nothing, or failed without naming a test counts as one
failure. Each failed test is named above the table with the end of what it printed, so that the end of a long log tells
what went wrong.

NAME.seconds holds how long a suite or check took. With a budget (a file of `NAME SECONDS` lines, `total` for all but
those whose SECONDS are `inf`), the slowest tests are listed, the table shows what each suite took of its budget, and a
suite over its budget, one without a line in it, and a total over its own each count as one failure.
"""

import math
import pathlib
import sys
import xml.etree.ElementTree


TESTS_NAMED = 20  # failed tests that are named with their output
LINES_OF_OUTPUT = 12
SLOWEST_LISTED = 20


def has_failed(case):
    return case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"


def test_cases(junit):
    """Gives {name: [its case, and before it those that the test was run again for]}."""
    cases = {}
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
        cases.setdefault(name, []).append(case)
    return cases


def count_suite(exit_code, junit):
    """Gives (passed, failed, skipped, remark)."""
    try:
        cases = test_cases(junit)
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        return 0, 1, 0, f"did not run (exit code {exit_code}): {error}"
    failed = skipped = 0
    again = []
    for name, (*before, case) in cases.items():
        if has_failed(case):
            failed += 1
            continue
        if before:
            again.append(name)
        if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
    passed = len(cases) - failed - skipped
    if passed + failed == 0:
        return 0, 1, skipped, f"ran no test (exit code {exit_code})"
    if exit_code != 0 and failed == 0:
        return passed, 1, skipped, f"ended with exit code {exit_code} although no test failed"
    return passed, failed, skipped, f"PASSED ONLY WHEN RUN AGAIN: {', '.join(again)}" if again else ""


def count_directory(directory):
    """Gives a list of (name, passed, failed, skipped, remark)."""
    counts = []
    for path in sorted(directory.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name)):
        if path.suffix not in (".check", ".suite"):
            continue
        exit_code = int(path.read_text())
        if path.suffix == ".suite":
            counts.append((path.stem, *count_suite(exit_code, path.with_suffix(".xml"))))
        elif exit_code == 0:
            counts.append((path.stem, 1, 0, 0, ""))
        else:
            counts.append((path.stem, 0, 1, 0, f"exit code {exit_code}"))
    return counts


def failed_tests(directory):
    """Gives (suite, name of the test, end of its output) of each failed test."""
    for path in sorted(directory.glob("*.xml")):
        try:
            cases = test_cases(path)
        except (OSError, xml.etree.ElementTree.ParseError):
            continue
        for name, (*_, case) in cases.items():
            if has_failed(case):
                texts = (case.find(kind) for kind in ("failure", "error", "system-out"))
                output = "\n".join(text.text for text in texts if text is not None and text.text)
                yield path.stem, name, output.strip().splitlines()[-LINES_OF_OUTPUT:]


def slowest_tests(directory):
    """Gives (seconds, suite, name) of the slowest tests, the slowest first."""
    times = []
    for path in directory.glob("*.xml"):
        try:
            cases = test_cases(path)
        except (OSError, xml.etree.ElementTree.ParseError):
            continue
        times += [(float(case.get("time") or 0), path.stem, name) for name, (*_, case) in cases.items()]
    return sorted(times, reverse=True)[:SLOWEST_LISTED]


def read_budget(path):
    """Gives {suite: seconds} of a file with a suite a line; `#` begins a comment."""
    lines = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return {name: float(seconds) for name, seconds in (words for words in lines if words)}


def over_budget(spent, budget):
    """Gives a sentence for each suite that took longer than it may, and for the total."""
    for name, seconds in spent.items():
        if name not in budget:
            yield f"{name} has no budget: give it a line in scripts/test_budget.txt"
        elif seconds > budget[name]:
            yield f"{name} took {seconds:.0f} s, its budget is {budget[name]:.0f} s"
    total = sum(seconds for name, seconds in spent.items() if not math.isinf(budget.get(name, 0)))
    if total > budget["total"]:
        yield f"all took {total:.0f} s, the budget is {budget['total']:.0f} s"


def main(arguments):
    directory = pathlib.Path(arguments[0])
    budget = read_budget(pathlib.Path(arguments[1])) if len(arguments) > 1 else None
    counts = count_directory(directory)
    spent = {path.stem: float(path.read_text()) for path in directory.glob("*.seconds")}
    for suite, name, output in list(failed_tests(directory))[:TESTS_NAMED]:
        print(f"\nFAILED {suite}: {name}")
        for line in output:
            print(f"    {line}")
    if budget is not None:
        print(f"\nThe {SLOWEST_LISTED} slowest tests:")
        for seconds, suite, name in slowest_tests(directory):
            print(f"{seconds:7.1f} s  {suite}: {name}")
    print()
    for name, passed, failed, skipped, remark in counts:
        took = f"{spent[name]:5.0f} s" if name in spent else ""
        of = f" of {budget[name]:.0f}" if took and budget and name in budget else ""
        print(f"{name:18} {passed:5} passed {failed:4} failed {skipped:4} skipped {took + of:15} {remark}".rstrip())
    passed = sum(count[1] for count in counts)
    failed = sum(count[2] for count in counts)
    for sentence in over_budget(spent, budget) if budget is not None else ():
        print(f"OVER BUDGET: {sentence}")
        failed += 1
    if passed + failed == 0:
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
