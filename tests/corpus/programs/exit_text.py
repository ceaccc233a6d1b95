raise SystemExit("a reason, with ünïcode")
