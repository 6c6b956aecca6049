"""Zones, their records, and the records of the template, as nouns of operations."""

from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import SOA_FIELDS, Record, TemplateRecord, Zone
from panel.core.operations import Noun, register_noun

ZONE = register_noun(
    Noun(
        "zone",
        "zones",
        Zone,
        _("DNS zone"),
        _("DNS zones"),
        "list",
        "zone",
        area="sites",
        api_fields=[
            "id",
            "name",
            "ascii",
            "subscription_id",
            "account_id",
            "domain_id",
            "alias_id",
            "source_id",
            "serial",
            *SOA_FIELDS,
            "is_altered",
            "dnskey",
            "version",
            "changed_at",
            "created_at",
        ],
    )
)
RECORD = register_noun(
    Noun(
        "record",
        "records",
        Record,
        _("DNS record"),
        _("DNS records"),
        "list",
        "record",
        area="sites",
        list_name="zone_list",
        api_fields=["id", "zone_id", "host", "type", "ttl", "value", "version"],
    )
)
TEMPLATE_RECORD = register_noun(
    Noun(
        "template-record",
        "template-records",
        TemplateRecord,
        _("Record of the template"),
        _("Records of the template"),
        "list",
        "template_record",
        area="settings",
        api_fields=["id", "scope", "host", "type", "ttl", "value", "version"],
    )
)
