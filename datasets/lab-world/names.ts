/** The vocabulary of the lab world. Names and places are invented; every word is short so that a small model has one or two tokens for it. */

export const FIRST_NAMES =
  `Mira Oskar Lena Tobin Vera Jonas Selma Rufus Nadia Edgar Petra Simon Alma Boris Clara Dario Elsa Felix Greta
    Hugo Irene Jasper Karla Lukas Marta Nils Olga Pavel Rosa Stefan Tilda Urban Viola Walter Xenia Yorick Zelda
    Anton Berta Casper Doris Emil Frida Gustav Heidi Ivan Judith Konrad`.split(/\s+/);

export const LAST_NAMES =
  `Tolan Brusk Varden Kelm Sorrel Nadir Pellam Quarn Ruddle Stane Umber Wexley Yarrow Zander Ashby Bolton Corvin
    Drummer Eskil Farrow Gantry Hollis Ingram Jarvis Kestrel Lorne Marlow Norrin Orwin Pruett Ransom Selby Thorne
    Ulven Vickers Wendell Abbot Birch Calder Dunmore Elling Fenn Gorse Harker Ives Jessop Kirk Lund`.split(/\s+/);

export const CITY_STARTS =
  `Bel Tor Kar Mor Fen Gal Hol Jen Lam Nor Ost Pel Quel Ras Sil Tam Ul Var Wim Zan Bran Dun Eld Gri`.split(/\s+/);

export const CITY_ENDS = `mora dale wick stead haven ford mouth burg ton field gate cester port hurst`.split(/\s+/);

export const COUNTRIES =
  `Tarvia Ostrana Keldor Mirland Vostria Pelusia Norland Quillon Sarkand Ulmaria Brevia Dorland Estria Galdor
    Hestia Jurland`.split(/\s+/);

export const RIVERS = `Osk Tarn Velm Rill Dray Murn Sava Lisk Orne Wend Kelda Brin Yare Ulda Nesk Fara`.split(/\s+/);

/** What a person can have; the values of one attribute are about equally likely, so guessing is right for one in sixteen or fewer. */
export const ATTRIBUTE_VALUES = {
  job: `baker potter miller weaver sailor farmer doctor teacher painter carpenter tailor smith hunter fisher cook
    guard judge singer dancer writer nurse pilot barber mason`.split(/\s+/),
  pet: `cat dog goat rabbit parrot turtle hamster pony duck goose snake lizard mouse ferret canary pigeon frog owl
    hedgehog donkey`.split(/\s+/),
  colour: `red blue green yellow black white brown grey purple orange pink silver gold violet amber ivory`.split(/\s+/),
  instrument: `flute harp drum violin cello organ piano guitar lute horn trumpet banjo oboe bell fiddle whistle`.split(
    /\s+/,
  ),
  food: `soup bread cheese rice stew salad pie noodles beans honey porridge plums cake fish carrots mushrooms nuts
    grapes pancakes olives`.split(/\s+/),
} satisfies Record<string, readonly string[]>;

/** Animals that people keep in numbers; the attribute is `number of sheep` and so on. */
export const HERDS = ['sheep', 'cows', 'hens', 'horses'] as const;

/** Things that are counted in the arithmetic problems. */
export const COUNTED_THINGS = `apples coins books stones shells cards eggs pears stamps beads nails candles`.split(
  /\s+/,
);
