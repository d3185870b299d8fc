package byz

var keyAttacks []Attack
