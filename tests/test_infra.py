"""The templates for Azure, and the files that must agree with them."""

import json
import re
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_bicep

from shared_code.settings import Settings
from tests.support import pages
from tests.support.project import ROOT

INFRA = ROOT / "infra"
TEMPLATES = sorted(INFRA.glob("*.bicep"))
MAIN = (INFRA / "main.bicep").read_text()
FUNCTIONS = (INFRA / "functions.bicep").read_text()
DEPLOYMENT = "docs/deployment.md"
WORKFLOW = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()

BICEP = tree_sitter.Language(tree_sitter_bicep.language())
PARAMETER = re.compile(r"^param (\w+) \w+(?: = (.+))?$", re.MULTILINE)
SECRETS = {"mongodbUri", "databasePassword", "password"}

SETTINGS = {name.upper() for name in Settings.model_fields}


def parameters(template: str) -> dict[str, str]:
    """Return the default of each parameter of a template; an empty one if it has none."""
    return {name: default.strip("'") for name, default in PARAMETER.findall(template)}


def variables() -> dict[str, tuple[str, str]]:
    """Return the variable of each parameter of `main.bicep`, and its default."""
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    found = {
        name: re.fullmatch(r"\$\{(\w+)=?(.*)\}", each["value"]) for name, each in given.items()
    }
    return {name: (match[1], match[2]) for name, match in found.items() if match}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_syntax_errors(template: Path) -> None:
    tree = tree_sitter.Parser(BICEP).parse(template.read_bytes())

    assert not tree.root_node.has_error


def test_each_parameter_has_a_variable_with_the_same_default() -> None:
    assert {name: default for name, (_, default) in variables().items()} == parameters(MAIN)


def test_each_setting_is_a_parameter() -> None:
    block = MAIN[MAIN.index("settings: {") : MAIN.index("output ")]
    given = dict(re.findall(r"^ +([A-Z_]+): (.+)$", block, re.MULTILINE))

    assert given.keys() == SETTINGS
    by_variable = {variable: name for name, (variable, _) in variables().items()}
    assert given.pop("MONGODB_URI") == (
        "'@Microsoft.KeyVault(SecretUri=${vault.outputs.mongodbUriSecret})'"
    )
    assert given == {variable: by_variable[variable] for variable in given}


def test_lists_each_variable_and_its_default() -> None:
    listed = {row[0].strip("`"): row[1].strip("`") for row in pages.table(DEPLOYMENT, "variable")}

    known = dict(variables().values())
    assert listed == {
        name: default
        for name, default in known.items()
        if not name.startswith("AZURE_") and name not in SETTINGS
    } | {"MONGODB_URI": ""}


def test_the_workflow_passes_each_variable_on_but_secrets() -> None:
    passed = set(re.findall(r"^      ([A-Z_]+): \$\{\{ vars\.\1 \}\}$", WORKFLOW, re.MULTILINE))

    # The workflow leaves the cluster as it is, and azd knows who deploys.
    known = {name for name, _ in variables().values() if not name.startswith("DATABASE_")}
    known -= {"MONGODB_URI", "AZURE_PRINCIPAL_ID", "AZURE_PRINCIPAL_TYPE"}
    assert passed - {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"} == known
    assert "secrets." not in WORKFLOW


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_secrets_are_secure_and_no_outputs(template: Path) -> None:
    text = template.read_text()
    secrets = SECRETS & parameters(text).keys()

    assert set(re.findall(r"^@secure\(\)\nparam (\w+)", text, re.MULTILINE)) == secrets
    outputs = " ".join(re.findall(r"^output .+$", text, re.MULTILINE))
    assert [name for name in secrets if re.search(rf"\b{name}\b", outputs)] == []


def test_the_functions_start_when_the_connection_string_can_be_read() -> None:
    [waits_for] = re.findall(r"dependsOn: \[(.+)\]", MAIN[MAIN.index("module functions") :])

    # The database's module writes it to the vault, which a private network hides until then.
    assert {"database", "vaultEndpoint"} <= set(waits_for.split(", "))


def test_sets_nothing_that_the_plan_refuses() -> None:
    refused = ["ftpsState", "alwaysOn", "linuxFxVersion", "functionAppScaleLimit"]
    refused += ["FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION"]
    refused += ["WEBSITE_RUN_FROM_PACKAGE", "SCM_DO_BUILD_DURING_DEPLOYMENT"]

    assert [name for name in refused if name in FUNCTIONS] == []


def test_the_package_is_for_the_deployed_python() -> None:
    deployed = re.search(r"var pythonVersion = '([\d.]+)'", FUNCTIONS)
    assert deployed

    for file in ("azure.yaml", "Makefile"):
        versions = re.findall(r"--python ([\d.]+) tools/package.py", (ROOT / file).read_text())
        assert set(versions) == {deployed[1]}


def test_azd_finds_the_function_app() -> None:
    tag = re.search(r"'azd-service-name': '(\w+)'", FUNCTIONS)

    assert tag
    assert f"\nservices:\n  {tag[1]}:\n" in (ROOT / "azure.yaml").read_text()


def test_each_query_of_the_logs_page_is_an_alert() -> None:
    alerts = re.findall(r"query: '''\n(.+?)\n'''", (INFRA / "alerts.bicep").read_text(), re.DOTALL)

    assert alerts == [without_period(query) for query in pages.blocks("docs/logs.md", "kusto")]


def without_period(query: str) -> str:
    """Return a query without its period and order: an alert has a window of its own."""
    query = re.sub(r"timestamp > ago\(\d+d\) and ", "", query)
    return re.sub(r"^\| (where timestamp|order by) .+\n?", "", query, flags=re.MULTILINE).rstrip()
