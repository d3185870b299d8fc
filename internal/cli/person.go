package cli

import (
	"encoding/hex"
	"errors"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/profile"
)

func (p *program) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init NAME",
		Short: "make a key for a new name",
		Long:  "Makes the key of NAME and prints its author: the public half, 64 hex digits.\nIf there is a key already it refuses, and changes nothing.",
		Args:  exactName,
		RunE: func(_ *cobra.Command, args []string) error {
			name, err := profile.ParseName(args[0])
			if err != nil {
				return err
			}
			person, err := profile.Init(name)
			if err != nil {
				return err
			}
			p.note("made a key for %s in %s", name, person.Dir)
			return p.printf("%s", hex.EncodeToString(person.Author[:]))
		},
	}
}

// load returns the person of that name.
func load(word string) (*profile.Person, error) {
	name, err := profile.ParseName(word)
	if err != nil {
		return nil, err
	}
	return profile.Load(name)
}

// whoRuns returns the person to run as: args name one, or the config, or the login. A new name gets a key.
func (p *program) whoRuns(args []string, cfg profile.Config) (*profile.Person, error) {
	name := profile.DefaultName(cfg)
	if len(args) == 1 {
		var err error
		if name, err = profile.ParseName(args[0]); err != nil {
			return nil, err
		}
	}
	person, err := profile.Load(name)
	if !errors.Is(err, profile.ErrUnknown) {
		return person, err
	}
	person, err = profile.Init(name)
	if errors.Is(err, profile.ErrExists) {
		return profile.Load(name) // another start was faster: its lock decides
	}
	if err != nil {
		return nil, err
	}
	p.note("made a key for %s: author %s", name, hex.EncodeToString(person.Author[:]))
	return person, nil
}
