"""SSH keys as a noun of operations."""

from django.utils.translation import gettext_lazy as _

from hosting.services.system.models import SshKey
from panel.core.operations import Noun, register_noun

SSH_KEY = register_noun(
    Noun(
        "ssh-key",
        "ssh-keys",
        SshKey,
        _("SSH key"),
        _("SSH keys"),
        "lock",
        "ssh_key",
        area="sites",
        list_name="subscription_list",
        api_fields=["id", "subscription_id", "label", "type", "fingerprint", "key", "created_at"],
    )
)
