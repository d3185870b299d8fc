package tui

import "charm.land/bubbles/v2/key"

// MarkKeys are what is said of entries, where one is under the cursor.
type MarkKeys struct {
	Agree, Dispute, Withdraw, Undo, Correct, Select, Inbox, Balances, Withdrawn, Memo, Prove key.Binding
}

func defaultMarkKeys() MarkKeys {
	return MarkKeys{
		Agree:     bind("a", "agree", "a"),
		Dispute:   bind("d", "dispute: asks, and takes a memo", "d"),
		Withdraw:  bind("u", "withdraw: asks, and takes a memo", "u"),
		Undo:      bind("U", "take back what you said last", "U"),
		Correct:   bind("e", "correct your own entry", "e"),
		Select:    bind("space", "select several, to say one thing of them all", "space"),
		Inbox:     bind("I", "what waits for your word, and back", "I"),
		Balances:  bind("B", "balances", "B"),
		Withdrawn: bind("w", "withdrawn entries shown or hidden", "w"),
		Memo:      bind("m", "say why: a memo", "m"),
		Prove:     bind("x", "save the proof of who signed it as a file", "x"),
	}
}

// onRow are the keys for an entry, as help shows them on the list.
func (k *MarkKeys) onRow() section {
	return section{"Your word on an entry", []key.Binding{k.Agree, k.Dispute, k.Withdraw, k.Undo, k.Correct, k.Select, k.Prove, k.Inbox, k.Balances, k.Withdrawn}}
}

// onPage are those where one entry fills the screen.
func (k *MarkKeys) onPage() section {
	return section{"Your word on it", []key.Binding{k.Agree, k.Dispute, k.Withdraw, k.Undo, k.Correct, k.Prove}}
}

// BalancesKeys work where balances fill the screen.
type BalancesKeys struct {
	Back, NextUnit, PreviousUnit, Settle, Entries key.Binding
}

func defaultBalancesKeys() BalancesKeys {
	return BalancesKeys{
		Back:         bind("Esc", "back", "esc"),
		NextUnit:     bind("Tab", "next unit", "tab", "right"),
		PreviousUnit: bind("Shift+Tab", "previous unit", "shift+tab", "left"),
		Settle:       bind("s", "settle up", "s"),
		Entries:      bind("Enter", "the entries of this party", "enter"),
	}
}
