"""The job behind `tocsin evaluate`."""
