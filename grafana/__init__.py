"""Dashboards as code, and the provisioning files that they generate. Imports nothing else of ours."""
