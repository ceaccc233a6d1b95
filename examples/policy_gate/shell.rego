# Asks before a command publishes something, and when the disk is nearly full.
package gate

default decision := "Allow"

decision := "Ask" if {
	contains(input.command, "git push")
}

decision := "Ask" if {
	input.signals.free_space < 0.1
}
