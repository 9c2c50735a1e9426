import count_results
import pytest


def keep(directory, name, exit_code, xml=None):
    (directory / f"{name}.suite").write_text(f"{exit_code}\n")
    if xml is not None:
        (directory / f"{name}.xml").write_text(xml)


PASS = '<testcase name="a" status="run"/>'
PASS_TOO = '<testcase name="z" status="run"/>'
FAIL = '<testcase name="b" status="fail"><failure message="x"/></testcase>'
SKIP = '<testcase name="c"><skipped message="y"/></testcase>'


@pytest.mark.parametrize(
    ("exit_code", "xml", "last_line", "status"),
    [
        (0, f"<testsuite>{PASS}{PASS_TOO}</testsuite>", "2 passed, 0 failed", 0),
        (1, f"<testsuites><testsuite>{PASS}{FAIL}{SKIP}</testsuite></testsuites>", "1 passed, 1 failed", 1),
        (0, f"<testsuite>{PASS}{FAIL}</testsuite>", "1 passed, 1 failed", 1),
        (1, f"<testsuite>{PASS}<testcase name='e'><error/></testcase></testsuite>", "1 passed, 1 failed", 1),
        (1, f"<testsuite>{PASS}</testsuite>", "1 passed, 1 failed", 1),
        (0, f"<testsuite>{SKIP}</testsuite>", "0 passed, 1 failed", 1),
        (5, "<testsuite></testsuite>", "0 passed, 1 failed", 1),
        (2, None, "0 passed, 1 failed", 1),
        (0, "<testsuite>", "0 passed, 1 failed", 1),
    ],
)
def test_suite(tmp_path, capsys, exit_code, xml, last_line, status):
    keep(tmp_path, "suite", exit_code, xml)
    assert count_results.main([str(tmp_path)]) == status
    assert capsys.readouterr().out.splitlines()[-1] == last_line


def test_a_failed_test_is_named_with_the_end_of_its_output(tmp_path, capsys):
    output = "\n".join(f"line {number}" for number in range(40))
    ctest = f'<testcase classname="S.T" name="S.T" status="fail"><failure/><system-out>{output}</system-out></testcase>'
    keep(tmp_path, "unit", 1, f"<testsuite>{PASS}{ctest}</testsuite>")
    keep(tmp_path, "python", 0, f"<testsuite>{PASS}</testsuite>")
    count_results.main([str(tmp_path)])
    printed = capsys.readouterr().out.splitlines()
    assert "FAILED unit: S.T::S.T" in printed
    assert "    line 39" in printed
    assert "    line 5" not in printed
    assert [line for line in printed if line.startswith("FAILED")] == ["FAILED unit: S.T::S.T"]


def test_a_test_that_was_run_again_counts_once_and_is_named(tmp_path, capsys):
    shaky = '<testcase classname="m" name="shaky"/>'
    broken = '<testcase classname="m" name="broken"/><testcase classname="m" name="broken"><failure/></testcase>'
    keep(tmp_path, "functional", 0, f"<testsuite>{PASS}{shaky}{shaky}</testsuite>")
    assert count_results.main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "2 passed, 0 failed"
    assert printed[-2].endswith("PASSED ONLY WHEN RUN AGAIN: m::shaky")
    keep(tmp_path, "functional", 1, f"<testsuite>{PASS}{broken}</testsuite>")
    assert count_results.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed"


def test_checks_and_suites_add_up(tmp_path, capsys):
    keep(tmp_path, "unit", 0, f"<testsuite>{PASS}</testsuite>")
    (tmp_path / "lint.check").write_text("0\n")
    (tmp_path / "build.check").write_text("1\n")
    assert count_results.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 1 failed"


def test_no_result_at_all_is_a_failure(tmp_path, capsys):
    assert count_results.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed"


def took(directory, **seconds):
    for name, value in seconds.items():
        (directory / f"{name}.seconds").write_text(f"{value}\n")


def test_a_suite_over_its_budget_is_a_failure(tmp_path, capsys):
    (tmp_path / "budget").write_text("# seconds\nunit 60\npython 10  # quick\ntotal 65\n")
    keep(tmp_path, "unit", 0, f"<testsuite>{PASS}</testsuite>")
    keep(tmp_path, "python", 0, f"<testsuite>{PASS}</testsuite>")
    took(tmp_path, unit=60, python=5)
    assert count_results.main([str(tmp_path), str(tmp_path / "budget")]) == 0
    assert "unit                   1 passed    0 failed    0 skipped    60 s of 60" in capsys.readouterr().out
    took(tmp_path, unit=54, python=11)
    assert count_results.main([str(tmp_path), str(tmp_path / "budget")]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[-2:] == ["OVER BUDGET: python took 11 s, its budget is 10 s", "2 passed, 1 failed"]
    took(tmp_path, unit=58, python=9)
    assert count_results.main([str(tmp_path), str(tmp_path / "budget")]) == 1
    assert "OVER BUDGET: all took 67 s, the budget is 65 s" in capsys.readouterr().out
    assert count_results.main([str(tmp_path)]) == 0  # `make verify` has none


def test_what_has_no_bound_counts_nowhere(tmp_path, capsys):
    (tmp_path / "budget").write_text("prepare inf\nunit 60\ntotal 60\n")
    keep(tmp_path, "unit", 0, f"<testsuite>{PASS}</testsuite>")
    took(tmp_path, unit=60, prepare=900)
    assert count_results.main([str(tmp_path), str(tmp_path / "budget")]) == 0


def test_a_suite_without_a_budget_is_a_failure(tmp_path, capsys):
    (tmp_path / "budget").write_text("total 65\n")
    keep(tmp_path, "new", 0, f"<testsuite>{PASS}</testsuite>")
    took(tmp_path, new=1)
    assert count_results.main([str(tmp_path), str(tmp_path / "budget")]) == 1
    assert "OVER BUDGET: new has no budget" in capsys.readouterr().out


def test_the_slowest_are_listed(tmp_path, capsys):
    (tmp_path / "budget").write_text("unit 60\ntotal 60\n")
    cases = "".join(f'<testcase name="t{n}" time="{n}.5"/>' for n in range(30))
    keep(tmp_path, "unit", 0, f"<testsuite>{cases}</testsuite>")
    count_results.main([str(tmp_path), str(tmp_path / "budget")])
    listed = [line for line in capsys.readouterr().out.splitlines() if " s  unit: t" in line]
    assert len(listed) == 20
    assert listed[0].strip() == "29.5 s  unit: t29"
