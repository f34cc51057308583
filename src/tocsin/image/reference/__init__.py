"""Pictures compared with a reference of the same thing: registration, then what differs beyond a small tolerance."""
