package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/tallystick/tallystick/internal/disk"
	"github.com/tallystick/tallystick/internal/profile"
	"github.com/tallystick/tallystick/tui"
)

const idLong = `Prints the author that NAME writes as: the public half of its key, 64 hex digits. Others may
have it: with it they name you (tallystick people name) and invite you (tallystick room new).

--qr shows it as a code for a camera. --export writes the secret key to a new file, encrypted
by a passphrase (an age file); --import makes NAME a person with the key of such a file.

A copy of the key is for moving to another machine, or for a safe place. Two that write with
one key fork it: everyone sees the evidence, and the key writes no more. For a second device
make a second NAME, and have it invited too.`

// idFlags are the flags of id.
type idFlags struct {
	qr, ascii  bool
	export     string
	imported   string
	passphrase string
}

func (p *program) idCommand() *cobra.Command {
	var f idFlags
	cmd := &cobra.Command{
		Use:               "id NAME",
		Short:             "print the author that NAME writes as; show it as a QR code; copy the key",
		Long:              idLong,
		Example:           "tallystick id alice --qr\ntallystick id alice --export alice.key.age\ntallystick id alice --import alice.key.age",
		Args:              exactName,
		ValidArgsFunction: completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			chosen := 0
			for _, given := range []bool{f.qr, f.export != "", f.imported != ""} {
				if given {
					chosen++
				}
			}
			switch {
			case chosen > 1:
				return usage("--qr, --export and --import: one of them at a time")
			case f.ascii && !f.qr:
				return usage("--ascii is for --qr")
			case f.passphrase != "" && f.export == "" && f.imported == "":
				return usage("--passphrase-file is for --export and --import")
			case f.imported != "":
				return p.importKey(args[0], f)
			}
			person, err := load(args[0])
			if err != nil {
				return err
			}
			switch {
			case f.qr:
				return p.showQR(person, f.ascii)
			case f.export != "":
				return p.exportKey(person, f)
			}
			return p.printf("%s", hex.EncodeToString(person.Author[:]))
		},
	}
	s := cmd.Flags()
	s.BoolVar(&f.qr, "qr", false, "show it as a QR code too")
	s.BoolVar(&f.ascii, "ascii", false, "the QR code uses no character beyond ASCII")
	s.StringVar(&f.export, "export", "", "write the secret key to the new `FILE`, encrypted by a passphrase")
	s.StringVar(&f.imported, "import", "", "make NAME a person with the key that --export put into `FILE`")
	s.StringVar(&f.passphrase, "passphrase-file", "", "take the passphrase from the first line of `FILE`, - for standard input, and do not ask")
	return cmd
}

func (p *program) showQR(person *profile.Person, ascii bool) error {
	look := tui.LookFromEnv(tui.ColorAuto, ascii, os.Getenv)
	escapes := p.OutTerm && os.Getenv("TERM") != "dumb"
	code, err := qrCode(hex.EncodeToString(person.Author[:]), codeWay{ascii: look.ASCII, colour: escapes && !look.Mono, inverse: escapes})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(p.Out, code); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return p.printf("%s", hex.EncodeToString(person.Author[:]))
}

// copyWarning is what whoever holds a copy of a key has to know.
const copyWarning = "write with this key in one place only: two that write with it fork it, everyone sees the evidence, and it writes no more"

func (p *program) exportKey(person *profile.Person, f idFlags) error {
	if _, err := os.Lstat(f.export); err == nil {
		return fmt.Errorf("export: %s is there already: give another name", f.export)
	}
	passphrase, err := p.passphrase(f.passphrase, true)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	content, err := person.Export(passphrase)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	switch err := disk.WriteNew(f.export, content); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("export: %s is there already: give another name", f.export)
	case err != nil:
		return fmt.Errorf("export: %w", err)
	}
	p.note("%s", copyWarning)
	p.note("whoever has the file and the passphrase can write as %s; without the passphrase nobody can use the file", person.Name)
	return p.printf("exported the key of %s: %s", person.Name, f.export)
}

func (p *program) importKey(word string, f idFlags) error {
	name, err := profile.ParseName(word)
	if err != nil {
		return err
	}
	if _, err := profile.Load(name); !errors.Is(err, profile.ErrUnknown) {
		if err == nil {
			err = fmt.Errorf("%s %w; nothing was changed: import it as another NAME", name, profile.ErrExists)
		}
		return fmt.Errorf("import: %w", err)
	}
	file, err := disk.OpenRegular(f.imported, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	content, err := disk.ReadSmall(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	passphrase, err := p.passphrase(f.passphrase, false)
	if err != nil {
		return fmt.Errorf("import: %w", err)
	}
	person, err := profile.Import(name, content, passphrase)
	if err != nil {
		err = fmt.Errorf("import %s: %w", f.imported, err)
		if errors.Is(err, profile.ErrExport) {
			return &codedError{ExitDamaged, err}
		}
		return err
	}
	p.note("%s", copyWarning)
	p.note("in each room writing waits until a peer has shown what this key wrote before; a room that it never wrote in: --only-copy")
	return p.printf("%s", hex.EncodeToString(person.Author[:]))
}
