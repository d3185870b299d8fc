package ledger

import "container/heap"

// A Payment is one of those that settle a unit: From gives, To gets.
type Payment struct {
	From, To Party
	Unit     string
	Amount   Sum // above zero
}

// Settle returns payments that bring all tallied balances to zero, in every unit by
// itself, at most one fewer than there are parties that are not at zero: who has got
// too much gives to who has given too much. Those whose balances are each other's
// opposite settle first; then the greatest balance with its greatest opposite. Of equal
// ones those come first that come first in balances.
//
// If they do not add up to zero, some of it remains.
func Settle(balances []Balance) []Payment {
	var units []string
	of := make(map[string][]int)
	for i := range balances {
		u := balances[i].Unit
		if of[u] == nil {
			units = append(units, u)
		}
		of[u] = append(of[u], i)
	}
	var payments []Payment
	for _, u := range units {
		payments = settle(payments, balances, of[u])
	}
	return payments
}

func settle(payments []Payment, balances []Balance, of []int) []Payment {
	opposite := make(map[Sum][]int) // by what a party is to get, those who are
	for _, i := range of {
		if s := balances[i].Tallied; s.Sign() < 0 {
			opposite[s.Neg()] = append(opposite[s.Neg()], i)
		}
	}
	paid := make(map[int]bool)
	for _, i := range of {
		s := balances[i].Tallied
		if to := opposite[s]; s.Sign() > 0 && len(to) > 0 {
			payments = append(payments, Payment{balances[i].Party, balances[to[0]].Party, balances[i].Unit, s})
			opposite[s], paid[i], paid[to[0]] = to[1:], true, true
		}
	}
	var give, get payers
	for _, i := range of {
		switch s := balances[i].Tallied; {
		case paid[i]:
		case s.Sign() > 0:
			give = append(give, payer{s, i})
		case s.Sign() < 0:
			get = append(get, payer{s.Neg(), i})
		}
	}
	heap.Init(&give)
	heap.Init(&get)
	for len(give) > 0 && len(get) > 0 {
		from, to := &give[0], &get[0]
		pay := from.sum
		if to.sum.Cmp(pay) < 0 {
			pay = to.sum
		}
		payments = append(payments, Payment{balances[from.at].Party, balances[to.at].Party, balances[from.at].Unit, pay})
		give.lessen(pay)
		get.lessen(pay)
	}
	return payments
}

// payers is a heap, the greatest first.
type payers []payer

type payer struct {
	sum Sum
	at  int // of the party in the balances
}

func (a payers) Len() int { return len(a) }

func (a payers) Less(i, j int) bool {
	if c := a[i].sum.Cmp(a[j].sum); c != 0 {
		return c > 0
	}
	return a[i].at < a[j].at
}

func (a payers) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

func (a *payers) Push(x any) { *a = append(*a, x.(payer)) }

func (a *payers) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// lessen takes s from the greatest.
func (a *payers) lessen(s Sum) {
	first := &(*a)[0]
	if first.sum = first.sum.Sub(s); first.sum.IsZero() {
		heap.Pop(a)
	} else {
		heap.Fix(a, 0)
	}
}
