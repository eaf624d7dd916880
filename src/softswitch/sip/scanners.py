"""The table of scanners: what programs that look for open switches call themselves in User-Agent.

Compared without regard to case, anywhere in the value. Tools that people also use for good reasons (sipsak, sipp) are
left out; `defence: scanners:` adds names.
"""

SCANNERS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sundayddr",
    "sipcli",
    "sip-scan",
    "sipscan",
    "iWar",
    "siparmyknife",
    "sippts",
    "smap ",
    "pplsip",
    "VaxSIPUserAgent",
    "VaxIPUserAgent",
    "gulp",
    "SIPTestTool",
    "Elite_SIP",
    "Nmap",
    "mr.sip",
    "metasploit",
)
