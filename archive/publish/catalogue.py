"""Describes a published dataset in the machine-readable formats Croissant 1.0, DCAT-AP and
schema.org.

A publication is a dataset with everything that the archive shows (published_dataset.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.i18n import LANGUAGES, translate
from archive.publish.datasets import FORMAT_MEDIA_TYPES

FILES_PATH = "/data/files/"  # address of the files on the site
CHECKSUMS_FILE, PACKAGE_FILE = "SHA256SUMS", "datapackage.json"
CROISSANT_FILE, DCAT_FILE = "croissant.json", "dcat.jsonld"
MEDIA_TYPES = {
    **FORMAT_MEDIA_TYPES,
    "sqlite": "application/vnd.sqlite3",
    "wacz": "application/wacz",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "md": "text/markdown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file of a publication.

    path: the path relative to the publication's folder, and to the publication's URL.
    """

    path: str
    size: int
    sha256: str

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES.get(self.path.rpartition(".")[2], "text/plain")


def list_resource_files(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the files of a table described in datapackage.json, one for each format."""
    return [resource, *resource["alternates"]]


# Descriptions for machines

CROISSANT_TYPES = {
    "string": "sc:Text",
    "integer": "sc:Integer",
    "number": "sc:Float",
    "datetime": "sc:DateTime",
    "date": "sc:Date",
}
CROISSANT_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    **{
        name: f"cr:{name}"
        for name in (
            *(
                "citeAs",
                "column",
                "extract",
                "field",
                "fileProperty",
                "fileObject",
                "fileSet",
                "format",
                "includes",
            ),
            *(
                "isLiveDataset",
                "jsonPath",
                "key",
                "md5",
                "parentField",
                "path",
                "recordSet",
                "references",
                "regex",
            ),
            *(
                "repeated",
                "replace",
                "separator",
                "source",
                "subField",
                "transform",
                "samplingRate",
                "equivalentProperty",
            ),
        )
    },
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
}
DCAT_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
DCAT_KEYWORDS = {
    "sv": ("myndigheter", "pressmeddelanden", "nyheter", "ändringar", "offentlig förvaltning"),
    "en": ("government agencies", "press releases", "news", "edits", "public administration"),
}
EU_VOCABULARY = "http://publications.europa.eu/resource/authority/"
FILE_FORMATS = {  # of the file extensions that are in the EU's list of file types
    extension: {"dct:format": {"@id": f"{EU_VOCABULARY}file-type/{name}"}}
    for extension, name in (("csv", "CSV"), ("json", "JSON"), ("parquet", "PARQUET"))
}
RIGHTS_PATH = "/about#licence"  # what the site says of its licence


def build_croissant(
    package: Mapping[str, Any], files: Sequence[PublishedFile], started: datetime, site: str | None
) -> dict[str, Any]:
    """Describe a publication in the format Croissant 1.0.

    If `site` is None, URLs are relative to the file that contains the description.
    """
    base = f"{site}{FILES_PATH}" if site else ""
    return {
        "@context": CROISSANT_CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "myndighetsarkivet",
        "alternateName": package["name"],
        "description": package["description"],
        "url": f"{site}/data" if site else "https://datapackage.org/",
        "license": package["rights"],
        "citeAs": package["citation"],
        "creator": {"@type": "sc:Organization", "name": "Myndighetsarkivet"},
        "inLanguage": ["sv", "en"],
        "datePublished": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        # a semantic version, as Croissant asks for
        "version": f"{started.year}.{started.month}.{started.day}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": file.path,
                "contentUrl": base + file.path,
                "contentSize": f"{file.size} B",
                # as in its examples
                "encodingFormat": file.media_type.replace("vnd.apache.parquet", "x-parquet"),
                "sha256": file.sha256,
            }
            for file in files
        ],
        "recordSet": [_describe_record_set(resource) for resource in package["resources"]],
    }


def _describe_record_set(resource: Mapping[str, Any]) -> dict[str, Any]:
    name, schema = resource["name"], resource["schema"]
    path = next(
        each["path"] for each in list_resource_files(resource) if each["format"] == "parquet"
    )
    references = {
        key["fields"][0]: {
            "field": {"@id": f"{key['reference']['resource']}/{key['reference']['fields'][0]}"}
        }
        for key in schema.get("foreignKeys", ())
    }
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": resource["title"],
        **(
            {"key": [{"@id": f"{name}/{column}"} for column in schema["primaryKey"]]}
            if "primaryKey" in schema
            else {}
        ),
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column['name']}",
                "name": column["name"],
                "description": column["description"],
                "dataType": CROISSANT_TYPES[column["type"]],
                "source": {"fileObject": {"@id": path}, "extract": {"column": column["name"]}},
                **(
                    {"references": references[column["name"]]}
                    if column["name"] in references
                    else {}
                ),
            }
            for column in schema["fields"]
        ],
    }


def build_dcat_period(package: Mapping[str, Any]) -> dict[str, Any]:
    """Return, for DCAT-AP, the period from the first to the last publication date of the releases.

    The period has no dates if no release states a date.
    """
    first, last = package["temporal"]
    period: dict[str, Any] = {"@type": "dct:PeriodOfTime"}
    for name, text in (("dcat:startDate", first), ("dcat:endDate", last)):
        if text:
            data_type = "xsd:date" if len(text) >= len("2024-05-18") else "xsd:gYearMonth"
            period[name] = {"@value": text[:10], "@type": data_type}
    return period


def build_dcat(
    package: Mapping[str, Any], files: Sequence[PublishedFile], started: datetime, site: str | None
) -> dict[str, Any]:
    """Describe a publication in the format DCAT-AP 3.

    If `site` is None, URLs are relative to the file that contains the description.
    """
    base = f"{site}{FILES_PATH}" if site else ""
    home = {"@id": f"{site}/data" if site else "."}
    publisher = {"@id": f"{site}/about" if site else "#publisher"}
    languages = [{"@id": f"{EU_VOCABULARY}language/{code}"} for code in ("SWE", "ENG")]
    modified = {"@value": f"{started:%Y-%m-%dT%H:%M:%SZ}", "@type": "xsd:dateTime"}

    rights = {
        **({"@id": site + RIGHTS_PATH} if site else {}),
        "@type": "dct:RightsStatement",
        "rdfs:label": {"@value": package["rights"], "@language": "en"},
    }

    def localise(text_key: str) -> list[dict[str, str]]:
        return [
            {"@value": translate(language, text_key), "@language": language}
            for language in LANGUAGES
        ]

    distributions = [
        {
            "@id": base + file.path,
            "@type": "dcat:Distribution",
            "dct:title": file.path,
            "dcat:accessURL": home,
            "dcat:downloadURL": {"@id": base + file.path},
            "dcat:mediaType": {
                "@id": "https://www.iana.org/assignments/media-types/" + file.media_type
            },
            **FILE_FORMATS.get(file.path.rpartition(".")[2], {}),
            "dcatap:availability": {"@id": f"{EU_VOCABULARY}planned-availability/AVAILABLE"},
            "dcat:byteSize": {"@value": str(file.size), "@type": "xsd:nonNegativeInteger"},
            "dct:rights": rights,  # no licence: the texts belong to the agencies
            "dct:modified": modified,
            "spdx:checksum": {
                "@type": "spdx:Checksum",
                "spdx:algorithm": {"@id": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"},
                "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
            },
        }
        for file in files
    ]
    dataset = {
        "@id": f"{base}{PACKAGE_FILE}#dataset",
        "@type": "dcat:Dataset",
        "dct:identifier": package["name"],
        "dct:title": localise("data.dataset_title"),
        "dct:description": localise("data.dataset_about"),
        "dct:publisher": publisher,
        "dct:modified": modified,
        "dct:accrualPeriodicity": {"@id": f"{EU_VOCABULARY}frequency/DAILY"},
        "dct:language": languages,
        "dcat:theme": {"@id": f"{EU_VOCABULARY}data-theme/GOVE"},
        "dcat:keyword": [
            {"@value": word, "@language": language}
            for language, words in DCAT_KEYWORDS.items()
            for word in words
        ],
        "dcat:contactPoint": {
            "@type": ["vcard:Organization", "vcard:Kind"],
            "vcard:fn": "Myndighetsarkivet",
            "vcard:hasURL": publisher,
        },
        "dct:spatial": {"@id": f"{EU_VOCABULARY}country/SWE"},
        "dct:temporal": build_dcat_period(package),
        "dct:rights": rights,
        "dcat:landingPage": home,
        "dcat:version": package["version"],
        "dct:accessRights": {"@id": f"{EU_VOCABULARY}access-right/PUBLIC"},
        "dcat:distribution": [{"@id": each["@id"]} for each in distributions],
    }
    catalogue = {
        "@id": f"{base}{DCAT_FILE}#catalogue",
        "@type": "dcat:Catalog",
        "dct:title": "Myndighetsarkivet",
        "dct:description": localise("index.tagline"),
        "dct:language": languages,
        "dct:spatial": {"@id": f"{EU_VOCABULARY}country/SWE"},
        "dcat:themeTaxonomy": {"@id": f"{EU_VOCABULARY}data-theme"},
        "dct:publisher": publisher,
        "dct:modified": modified,
        "foaf:homepage": {"@id": f"{site}/"} if site else home,
        "dcat:dataset": {"@id": dataset["@id"]},
    }
    agent = {**publisher, "@type": "foaf:Agent", "foaf:name": "Myndighetsarkivet"}
    return {"@context": DCAT_CONTEXT, "@graph": [catalogue, agent, dataset, *distributions]}


def build_schema_dataset(
    site: str, language: str, months: Sequence[str | None], contact_url: str | None
) -> dict[str, Any]:
    """Describe the data of a site as a schema.org Dataset.

    months: the first and last month in which releases were published. Both are None if no release
        states a date.
    """
    publisher = {"@type": "Organization", "name": "Myndighetsarkivet", "url": f"{site}/about"}
    return {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "@id": f"{site}/data#dataset",
        "name": translate(language, "data.dataset_title"),
        "description": translate(language, "data.dataset_about"),
        "url": f"{site}/data",
        "keywords": DCAT_KEYWORDS[language],
        "inLanguage": ["sv", "en"],
        "isAccessibleForFree": True,
        "usageInfo": site + RIGHTS_PATH,  # no licence: the texts belong to the agencies
        "publisher": {
            **publisher,
            "contactPoint": {"@type": "ContactPoint", "url": contact_url or f"{site}/about"},
        },
        "creator": publisher,
        "includedInDataCatalog": {"@type": "DataCatalog", "url": f"{site}/"},
        "spatialCoverage": {
            "@type": "Country",
            "name": "Sverige",
            "sameAs": f"{EU_VOCABULARY}country/SWE",
        },
        **({"temporalCoverage": "/".join(filter(None, months))} if all(months) else {}),
    }


def list_schema_files(
    package: Mapping[str, Any], files: Iterable[PublishedFile], started: datetime, site: str
) -> dict[str, Any]:
    """Return the properties that a publication adds to the schema.org Dataset of a site.

    These are its version, modification time and citation, and its SQLite, WACZ and JSON files.
    """
    return {
        "version": package["version"],
        "dateModified": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "creditText": package["citation"],
        "distribution": [
            {
                "@type": "DataDownload",
                "name": file.path,
                "contentUrl": site + FILES_PATH + file.path,
                "contentSize": f"{file.size} B",
                "encodingFormat": file.media_type,
                "sha256": file.sha256,
            }
            for file in files
            if "/" not in file.path and file.path.endswith((".sqlite", ".wacz", ".json"))
        ],
    }
