//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// imported: alice takes in 5,000 lines of which three are bad. Nothing is written until she has seen which, and says that they are
// to be left out.
func imported(s *scene) {
	const lines = 5000
	alice := s.machine("alice", "alice")
	bad := map[int]string{1000: "alice,bob,\"1,50\",EUR,a comma", 2500: "alice,,3,EUR,nobody", 4999: "alice,alice,4,EUR,herself"}
	var csv strings.Builder
	csv.WriteString("from,to,amount,unit,memo\n")
	for i := 2; i <= lines+1; i++ {
		if line, ok := bad[i]; ok {
			csv.WriteString(line + "\n")
			continue
		}
		fmt.Fprintf(&csv, "alice,bob,%d.25,EUR,line %d\n", i%90+1, i)
	}
	if err := os.WriteFile(filepath.Join(alice.home, "book.csv"), []byte(csv.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	a := alice.hero(alice.online()...)
	a.sees("live")
	said := alice.does(1, "import", "book.csv", "--yes", "--as", "alice")
	for i := range bad {
		if !strings.Contains(said, fmt.Sprint(i)) {
			s.t.Fatalf("import does not name line %d:\n%s", i, said)
		}
	}
	if rows := alice.does(0, "list", "--as", "alice"); rows != "" {
		s.t.Fatalf("written all the same: %.300s", rows)
	}
	if s.form.plain() {
		alice.does(0, "import", "book.csv", "--yes", "--skip-bad", "--as", "alice")
	} else {
		alice.answers("cannot be unwritten. [y/N] ", "y", "import", "book.csv", "--skip-bad", "--as", "alice")
	}
	a.sees("52.25")
	a.moment("imported", []string{"list", "memo:5001"}, []string{"balances"})
	alice.does(0, "import", "book.csv", "--yes", "--skip-bad", "--skip-alike", "--as", "alice")
	if rows := strings.Count(alice.does(0, "list", "--as", "alice"), "\n"); rows != lines-len(bad) {
		s.t.Fatalf("%d rows after it was imported twice, want %d", rows, lines-len(bad))
	}
	a.ends()
}
