"""The parameter of hosting by which new sites get certificates: known before models are."""

SETTING = "tls_issue"
