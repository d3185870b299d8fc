package byz

var sequenceAttacks []Attack
