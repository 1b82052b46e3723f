"""What a load read and wrote, column by column, as OpenLineage names it. The columns are in lineage.json."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dvdrental.jobs import job_module

#: Written by `make generate` from the plans of the scripts' transform().
COLUMNS = Path(__file__).with_name("lineage.json")
#: Of Redshift, OpenLineage names the cluster and its region.
REDSHIFT_HOST = re.compile(r"([^.]+)\.[^.]+\.([^.]+)\.redshift(-serverless)?\.amazonaws\.com$")


def dataset_names(side: str, settings: Mapping[str, str]) -> tuple[str, str]:
    """Namespace of a database, and what comes before the names of its tables, by OpenLineage's naming.

    side: source or warehouse, whose DVDRENTAL_..._URL and ..._SCHEMA are read; no user or password is.
    """
    jdbc_url = job_module("jdbc_url")
    address = jdbc_url.parse(settings[f"DVDRENTAL_{side.upper()}_URL"])
    port = address.port or jdbc_url.PORTS[address.scheme]
    place = f"{address.host}.{address.region}" if address.region else address.host
    if cluster := REDSHIFT_HOST.match(address.host):
        place = f"{cluster[1]}.{cluster[2]}"
    kind = address.scheme.removesuffix("ql")
    return f"{kind}://{place}:{port}", f"{address.database}.{settings[f'DVDRENTAL_{side.upper()}_SCHEMA']}"


def of_load(table: str, settings: Mapping[str, str], loaded: Mapping[str, Any] | None) -> Any:
    """Inputs and outputs of one table's load for OpenLineage's listener.

    loaded: the numbers of a published load; None for one that published nothing, which has no output.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage

    load = _Load(table, {side: dataset_names(side, settings) for side in ("source", "warehouse")})
    return OperatorLineage(inputs=load.inputs(), outputs=[] if loaded is None else [load.output(loaded)])


class _Load:
    """The datasets of one load. names: of each side, what dataset_names() returns."""

    def __init__(self, table: str, names: Mapping[str, tuple[str, str]]) -> None:
        from openlineage.client import event_v2, facet_v2

        self._events, self._facets = event_v2, facet_v2
        self._table, self._names = table, names
        self._columns = json.loads(COLUMNS.read_text(encoding="utf-8"))[table]

    def inputs(self) -> list[Any]:
        """The tables that were read: those of the source, and dimensions in which a fact finds its members."""
        return [
            self._events.InputDataset(**self._named(side, name), facets={"schema": self._schema(side, name)})
            for side in self._names
            for name in self._columns[side]
            if name != self._table
        ]

    def output(self, loaded: Mapping[str, Any]) -> Any:
        """The table that was written, with the origins of its columns."""
        facets = self._facets
        fields = {column: self._origins(of) for column, of in self._columns["origins"].items() if of}
        rows = loaded["new"] + loaded["changed"]
        return self._events.OutputDataset(
            **self._named("warehouse", self._table),
            facets={
                "schema": self._schema("warehouse", self._table),
                "columnLineage": facets.column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields),
            },
            outputFacets={
                "outputStatistics": facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    rowCount=rows
                )
            },
        )

    def _named(self, side: str, table: str) -> dict[str, Any]:
        namespace, schema = self._names[side]
        return {"namespace": namespace, "name": f"{schema}.{table}"}

    def _schema(self, side: str, table: str) -> Any:
        dataset = self._facets.schema_dataset
        columns = self._columns[side][table].items()
        return dataset.SchemaDatasetFacet(
            fields=[dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in columns]
        )

    def _origins(self, of: Mapping[str, str]) -> Any:
        """of: "source.city.city" -> IDENTITY or TRANSFORMATION."""
        lineage, fields = self._facets.column_lineage_dataset, []
        for origin, subtype in of.items():
            side, table, field = origin.split(".")
            how = [lineage.Transformation(type="DIRECT", subtype=subtype)]
            fields.append(lineage.InputField(**self._named(side, table), field=field, transformations=how))
        return lineage.Fields(inputFields=fields)
