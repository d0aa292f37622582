"""The lab's pure parts: description, rules, names, store, bootstrap."""
