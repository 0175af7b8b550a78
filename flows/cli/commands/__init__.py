"""One file a command: its options, and what it does. To add one: a file, and a line here, in the order of the help.

Each file has a function ``command`` whose parameters are the options, whose docstring is the help, and whose answer is
the exit code. A file is imported when its command is asked for, or the help of all.
"""

COMMANDS = {
    "produce": "making.produce",
    "plan": "making.plan",
    "keepers": "choosing.keepers",
    "searches": "choosing.searches",
    "tag": "choosing.tag",
    "note": "choosing.note",
    "stats": "maintenance.stats",
    "show": "choosing.show",
    "review": "choosing.review",
    "keep": "choosing.keep",
    "reject": "choosing.reject",
    "undo": "choosing.undo",
    "reproduce": "making.reproduce",
    "rescore": "making.rescore",
    "calibrate": "making.calibrate",
    "clusters": "choosing.clusters",
    "taste": "making.taste",
    "verify": "maintenance.verify",
    "backup": "maintenance.backup",
    "checkpoints": "maintenance.checkpoints",
    "convert": "maintenance.convert",
    "serve": "making.serve",
    "doctor": "maintenance.doctor",
}
