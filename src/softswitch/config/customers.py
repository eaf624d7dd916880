"""Customers known by their id: whose they are, and which segment. A file of their own (CSV), or a few of them in YAML.

customer,banker,segment
10020030,anna,gold
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from softswitch.call.settings import Customer
from softswitch.config.kinds import Keys, Kind, MapOf, Schema, SchemaParts, Section, Text, Word, key, section
from softswitch.config.problems import Place, Placed, did_you_mean, listing
from softswitch.config.references import Known
from softswitch.config.tree import Node, Scalar
from softswitch.config.values import AGENT_ID, ID, NOTHING
from softswitch.ids import AgentId, CustomerId

MAX_CUSTOMERS = 2_000_000
_COLUMNS = ("customer", "banker", "segment")
_NUMBER = Word("a customer id of digits", r"[0-9]{1,64}", lambda text, _: text, NOTHING)

Customers = dict[CustomerId, Customer]


@section
class CustomerDoc(Section):
    """A customer, known by the id that he enters."""

    banker: Placed = key(AGENT_ID, "the agent who is his", NOTHING)
    segment: Placed = key(ID, "his segment, for rules: gold", NOTHING)


class CustomersKind(Kind[Any]):
    """`customers.csv`, or { "10020030": { banker: anna } }."""

    def __init__(self) -> None:
        super().__init__({})
        self._file = Text("a CSV file, or customers by their id")
        self._map = MapOf(_NUMBER, Keys(CustomerDoc, "a customer"))

    def read(self, node: Node, report: Any) -> Any:
        return self._file.read(node, report) if isinstance(node, Scalar) else self._map.read(node, report)

    def schema(self, parts: SchemaParts) -> Schema:
        return {"anyOf": [{"type": "string"}, self._map.schema(parts)]}

    def write(self, value: Any) -> Any:
        return None


CUSTOMERS = CustomersKind()


def build_customers(written: Any, known: Known) -> Customers:
    if isinstance(written, Placed):
        return _from_file(written, known) if written else {}
    found: Customers = {}
    for name, doc in written.items():
        known.check("agent", doc.banker)
        found[CustomerId(str(name))] = _customer(str(doc.banker), str(doc.segment))
    return found


def _customer(banker: str, segment: str) -> Customer:
    return Customer(AgentId(banker) if banker else None, segment)


def _from_file(name: Placed, known: Known) -> Customers:
    path = (known.directory / name).resolve()
    report = known.report
    if not path.is_relative_to(known.directory.resolve()):
        report.add(name.place, f'"{name}" is outside of the configuration directory')
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _rows(csv.reader(file), str(name), path, known)
    except OSError as error:
        report.add(name.place, f'"{name}" cannot be read: {error.strerror}')
    except (UnicodeDecodeError, csv.Error) as error:
        report.add(name.place, f'"{name}" is no CSV text: {error}')
    return {}


def _rows(rows: Any, name: str, path: Path, known: Known) -> Customers:
    report = known.report
    header = [cell.strip() for cell in next(rows, [])]
    wrong = [cell for cell in header if cell not in _COLUMNS]
    for cell in wrong:
        hint = did_you_mean(cell, _COLUMNS) or f"; known: {listing(_COLUMNS)}"
        report.add(Place(name), f'there is no column "{cell}"{hint}')
    if "customer" not in header and not wrong:
        report.add(Place(name), "the first line names the columns, and one of them is customer")
    if wrong or "customer" not in header:
        return {}
    found: Customers = {}
    bankers: dict[str, str] = {}  # of a million rows there are few different bankers
    for row in rows:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        customer = cells.get("customer", "")
        if not customer:
            continue
        place = Place(name, rows.line_num)
        banker = cells.get("banker", "")
        if banker not in bankers:
            bankers[banker] = banker
            known.check("agent", Placed(banker, place))
        if CustomerId(customer) in found:
            report.add(place, f"the customer {customer} stands here twice")
        elif len(found) >= MAX_CUSTOMERS:
            report.add(place, f"more than {MAX_CUSTOMERS} customers are not read")
            break
        found[CustomerId(customer)] = _customer(bankers[banker], cells.get("segment", ""))
    return found
