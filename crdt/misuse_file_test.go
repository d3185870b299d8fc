package crdt_test

import (
	"bytes"
	"errors"

	"github.com/tallystick/tallystick/crdt"
)

// fileMisuses are those of room files and snapshots.
func fileMisuses() map[string][]misuse {
	of := func(call func(b []byte) error, want map[string]error) (rows []misuse) {
		for name, b := range map[string][]byte{"nothing": nil, "garbage": bytes.Repeat([]byte("garbage "), 40)} {
			rows = append(rows, misuse{name, want[name], "", func(*misused) error { return call(b) }})
		}
		return rows
	}
	// sealed is the room without what waits.
	sealed := func(m *misused) *crdt.Replica { return load(m.t, m.r.Charter(), exported(m.r)) }
	formats := map[string]error{"nothing": crdt.ErrFileTruncated, "garbage": crdt.ErrFileFormat}
	return map[string][]misuse{
		"ReadFileHead": of(func(b []byte) error { _, err := crdt.ReadFileHead(b); return err }, formats),
		"OpenSnapshot": of(func(b []byte) error { _, err := crdt.OpenSnapshot(b); return err }, formats),
		"LoadFile": append(of(func(b []byte) error { _, err := crdt.LoadFile(b); return err }, formats),
			misuse{"cut off", crdt.ErrFileTruncated, "", func(m *misused) error {
				saved := m.r.Save(nil)
				_, err := crdt.LoadFile(saved[:len(saved)-1])
				var place *crdt.DamageError
				if !errors.As(err, &place) {
					m.t.Errorf("no place: %v", err)
				}
				return err
			}},
			misuse{"with more behind it", crdt.ErrFileTrailing, "", func(m *misused) error {
				_, err := crdt.LoadFile(m.r.Save(nil))
				if err != nil {
					return err
				}
				_, err = crdt.LoadFile(append(m.r.Save(nil), 0))
				return err
			}}),
		"Replica.Save": {{"what waits is left out", nil, "", func(m *misused) error {
			r, err := crdt.LoadFile(m.r.Save([]byte("before"))[len("before"):])
			if err == nil && r.Len() != m.r.Signed() {
				m.t.Errorf("%d changes saved, want %d", r.Len(), m.r.Signed())
			}
			return err
		}}},
		"Replica.Snapshot": {
			{"while own changes are unsigned", crdt.ErrUnsigned, "", func(m *misused) error { _, err := m.r.Snapshot(); return err }},
			{"of a keeper", crdt.ErrKeeper, "", func(m *misused) error {
				k, err := crdt.NewKeeper(m.r.Charter())
				if err != nil {
					return err
				}
				_, err = k.Snapshot()
				return err
			}},
		},
		"Snapshot.Check": {{"with another room", crdt.ErrWrongRoom, "", func(m *misused) error {
			b, err := sealed(m).Snapshot()
			if err != nil {
				return err
			}
			s, err := crdt.OpenSnapshot(b)
			if err != nil {
				return err
			}
			return s.Check(m.other)
		}}},
		"Snapshot.Rows": {{"of a json room", nil, "", func(m *misused) error {
			b, err := sealed(m).Snapshot()
			if err != nil {
				return err
			}
			s, err := crdt.OpenSnapshot(b)
			if err == nil {
				for row := range s.Rows {
					m.t.Errorf("row %v", row)
				}
			}
			return err
		}}},
		"DamageError.Unwrap":   {{"its reason", errStop, "", func(*misused) error { return (&crdt.DamageError{Err: errStop}).Unwrap() }}},
		"SnapshotError.Unwrap": {{"its reason", crdt.ErrSnapshot, "", func(*misused) error { return (&crdt.SnapshotError{}).Unwrap() }}},
	}
}
