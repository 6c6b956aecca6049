"""What the people of the example data have besides their sites. Only data."""

TASK = {
    "description": "Disk space, every hour",
    "kind": "command",
    "what": "date; du -sh .",
    "times": "hourly",
}
# A second one, which is switched off.
NEWSLETTER = {
    "description": "Newsletter, until the new one is ready",
    "kind": "command",
    "what": "php newsletter.php",
    "times": "daily",
}
# A record of her own, by which another program knows that the name is hers.
RECORD = {"host": "@", "type": "TXT", "value": '"site-verification=8f2c61"'}

# An FTP account that is switched off; its description says why.
FTP_OFF = {
    "name": "anna.foto",
    "home": "httpdocs",
    "description": "Photographer of last year; the job is done",
}

# A file that somebody uploaded: rows that are good, and some that are refused.
FILE = """\
contact_name,company,email,username,domain,plan,subscriber
Hanna Vogt,Vogt Optik,hanna@vogt-optik.example,vogt,vogt-optik.localhost,Starter,
Luca Moretti,,luca.moretti@post.example,moretti,,,
Weber Steuerberatung,,kanzlei@weber-steuer.example,weber,,,
Nadia Petrova,Petrova Dance,,petrova,petrova-dance.localhost,Starter,
,,,,vogt-brillen.localhost,Starter,vogt
,,,,libreria-elfaro.localhost,Starter,vogt
"""
