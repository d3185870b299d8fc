package byz

var changeAttacks []Attack
