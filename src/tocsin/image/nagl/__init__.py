"""NAGL: patches compared with normal references and with what a few marked defects have in common."""
