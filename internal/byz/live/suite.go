package live

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"sync"

	"github.com/tallystick/tallystick/internal/byz"
)

// A Suite says which attacks are run, and how.
type Suite struct {
	// Only, if not nil, is matched by the names of those that are run.
	Only *regexp.Regexp
	// Quick leaves out those that wait for long timeouts, and runs each of the others once, every other among honest traffic.
	// Otherwise each is run alone and among honest traffic.
	Quick bool
	// Sample, if above 1, runs one attack of so many, of every class.
	Sample int
	// Parallel is how many rooms are attacked at a time; 0 is 1.
	Parallel int
	// Each, if not nil, is told of each result as soon as it is there, before what a restart shows. It is called by one goroutine at a time.
	Each func(*Result)
}

// A job is one attack in one form.
type job struct {
	slow, heavy bool
	run         func(context.Context) *Result
}

// Run attacks the program at binary, with all files in dir, and returns what came of it, in the order of the classes. The error is
// one of the runner; what is wrong with the program is in the results.
func (s Suite) Run(ctx context.Context, binary, dir string) ([]*Result, error) {
	w, err := NewWorld(ctx, binary, dir)
	if err != nil {
		return nil, err
	}
	jobs := s.jobs(w)
	results := make([]*Result, len(jobs))
	parallel := max(s.Parallel, 1)
	places := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	var telling sync.Mutex
	do := func(i int) {
		results[i] = jobs[i].run(ctx)
		if s.Each != nil {
			telling.Lock()
			defer telling.Unlock()
			s.Each(results[i])
		}
	}
	var order []int
	for _, slow := range []bool{true, false} { // those that wait longest begin first
		for i := range jobs {
			if !jobs[i].heavy && jobs[i].slow == slow {
				order = append(order, i)
			}
		}
	}
	for _, i := range order {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			do(i)
		})
	}
	wg.Wait()
	for i := range jobs {
		if jobs[i].heavy {
			do(i)
		}
	}
	err = errors.Join(w.Restart(ctx, parallel), w.Close(ctx))
	return results, err
}

// jobs are the attacks that are wanted, in all their forms.
func (s Suite) jobs(w *World) []job {
	var all []job
	n := 0
	add := func(name string, slow, heavy bool, run func(context.Context, bool) *Result) {
		if s.Only != nil && !s.Only.MatchString(name) || s.Quick && slow {
			return
		}
		if n++; s.Sample > 1 && n%s.Sample != 1 {
			return
		}
		forms := []bool{false, true}
		if s.Quick {
			forms = []bool{len(all)%2 == 1}
		}
		for _, busy := range forms {
			all = append(all, job{slow, heavy, func(ctx context.Context) *Result { return run(ctx, busy) }})
		}
	}
	for _, a := range byz.Attacks() {
		add(a.Name, a.Slow, false, func(ctx context.Context, busy bool) *Result { return w.Attack(ctx, a, busy) })
	}
	for _, a := range byz.Wires() {
		add(a.Name, a.Slow, a.Heavy, func(ctx context.Context, busy bool) *Result { return w.Wire(ctx, a, busy) })
	}
	for _, a := range machineAttacks() {
		add(a.name, false, false, func(ctx context.Context, busy bool) *Result { return w.Machine(ctx, a, busy) })
	}
	return all
}

// Failed are the results that are not as they must be.
func Failed(results []*Result) []*Result {
	return slices.DeleteFunc(slices.Clone(results), func(r *Result) bool { return r.Err == nil })
}
