"""Where the generated customers live and what they are called."""

from dataclasses import dataclass


@dataclass(frozen=True)
class City:
    """A city with its region, time zone and share of the country's customers."""

    name: str
    region: str
    timezone: str
    share: float


@dataclass(frozen=True)
class Country:
    """A country of the generated shop, its part of all customers, and its names, separated by commas."""

    code: str
    locale: str
    share: float
    southern: bool
    cities: tuple[City, ...]
    male: str
    female: str
    family: str

    def given_names(self, *, female: bool) -> list[str]:
        """First names in use here."""
        return (self.female if female else self.male).split(", ")

    def family_names(self) -> list[str]:
        """Family names in use here."""
        return self.family.split(", ")


COUNTRIES: tuple[Country, ...] = (
    Country(
        "GB",
        "en-GB",
        0.27,
        False,
        (
            City("London", "England", "Europe/London", 0.34),
            City("Manchester", "England", "Europe/London", 0.18),
            City("Sheffield", "England", "Europe/London", 0.14),
            City("Bristol", "England", "Europe/London", 0.12),
            City("Edinburgh", "Scotland", "Europe/London", 0.13),
            City("Cardiff", "Wales", "Europe/London", 0.09),
        ),
        "Oliver, George, Harry, Jack, Thomas, James, William, Daniel, Samuel, Adam, Callum, Ewan, "
        "Owen, Rhys, Toby",
        "Olivia, Emily, Amelia, Charlotte, Grace, Sophie, Alice, Lucy, Hannah, Megan, Isla, Freya, "
        "Ella, Bethan, Zoe",
        "Smith, Jones, Taylor, Brown, Williams, Wilson, Evans, Thomas, Roberts, Walker, Wright, "
        "Green, Hughes, Hall, Clarke, Patel, Campbell, Fraser, Murray, Bennett, Shaw, Fletcher, "
        "Ward, Khan, Booth",
    ),
    Country(
        "DE",
        "de-DE",
        0.24,
        False,
        (
            City("München", "Bayern", "Europe/Berlin", 0.3),
            City("Berlin", "Berlin", "Europe/Berlin", 0.28),
            City("Hamburg", "Hamburg", "Europe/Berlin", 0.16),
            City("Freiburg", "Baden-Württemberg", "Europe/Berlin", 0.14),
            City("Dresden", "Sachsen", "Europe/Berlin", 0.12),
        ),
        "Lukas, Jonas, Felix, Maximilian, Paul, Leon, Moritz, Jan, Tobias, Stefan, Matthias, "
        "Jürgen, Florian, Emre",
        "Anna, Lena, Marie, Sophie, Laura, Julia, Katharina, Johanna, Clara, Sabine, Franziska, "
        "Elif, Greta, Nina",
        "Müller, Schmidt, Schneider, Fischer, Weber, Meyer, Wagner, Becker, Schulz, Hoffmann, Koch, "
        "Bauer, Richter, Klein, Wolf, Schröder, Neumann, Schwarz, Zimmermann, Braun, Krüger, "
        "Hartmann, Lange, Yılmaz",
    ),
    Country(
        "FR",
        "fr-FR",
        0.13,
        False,
        (
            City("Lyon", "Auvergne-Rhône-Alpes", "Europe/Paris", 0.28),
            City("Grenoble", "Auvergne-Rhône-Alpes", "Europe/Paris", 0.24),
            City("Paris", "Île-de-France", "Europe/Paris", 0.3),
            City("Toulouse", "Occitanie", "Europe/Paris", 0.18),
        ),
        "Hugo, Louis, Gabriel, Arthur, Jules, Antoine, Nicolas, Julien, Mathieu, Pierre, Théo, "
        "Rémi, Karim, Luc",
        "Emma, Louise, Chloé, Camille, Léa, Manon, Juliette, Claire, Élodie, Margaux, Inès, Sarah, "
        "Amélie, Zoé",
        "Martin, Bernard, Dubois, Thomas, Robert, Richard, Petit, Durand, Leroy, Moreau, Simon, "
        "Laurent, Lefebvre, Michel, Garcia, Roux, Fournier, Girard, Bonnet, Lambert, Fontaine, "
        "Chevalier",
    ),
    Country(
        "NL",
        "nl-NL",
        0.08,
        False,
        (
            City("Amsterdam", "Noord-Holland", "Europe/Amsterdam", 0.45),
            City("Utrecht", "Utrecht", "Europe/Amsterdam", 0.35),
            City("Groningen", "Groningen", "Europe/Amsterdam", 0.2),
        ),
        "Daan, Sem, Lucas, Bram, Thijs, Jesse, Ruben, Niels, Joost, Pieter, Sander, Wouter",
        "Emma, Julia, Sophie, Fleur, Sanne, Lotte, Femke, Anouk, Iris, Marit, Noor, Roos",
        "de Jong, Jansen, de Vries, van den Berg, Bakker, van Dijk, Visser, Smit, Meijer, de Boer, "
        "Mulder, Bos, Vos, Peters, Hendriks, van Leeuwen, Dekker, Brouwer",
    ),
    Country(
        "SE",
        "sv-SE",
        0.06,
        False,
        (
            City("Stockholm", "Stockholm", "Europe/Stockholm", 0.5),
            City("Göteborg", "Västra Götaland", "Europe/Stockholm", 0.3),
            City("Östersund", "Jämtland", "Europe/Stockholm", 0.2),
        ),
        "Erik, Lars, Karl, Anders, Johan, Nils, Oskar, Gustav, Viktor, Axel, Elias, Magnus",
        "Anna, Maria, Elin, Sara, Linnea, Astrid, Ebba, Maja, Ingrid, Karin, Wilma, Alva",
        "Andersson, Johansson, Karlsson, Nilsson, Eriksson, Larsson, Olsson, Persson, Svensson, "
        "Gustafsson, Lindberg, Lindqvist, Bergström, Åkesson, Sjögren, Holm",
    ),
    Country(
        "IE",
        "en-IE",
        0.05,
        False,
        (
            City("Dublin", "Leinster", "Europe/Dublin", 0.6),
            City("Galway", "Connacht", "Europe/Dublin", 0.4),
        ),
        "Conor, Seán, Cian, Patrick, Liam, Darragh, Oisín, Eoin, Fionn, Niall",
        "Aoife, Saoirse, Ciara, Niamh, Caoimhe, Orla, Róisín, Sinéad, Emma, Kate",
        "Murphy, Kelly, Byrne, Ryan, Walsh, Doyle, McCarthy, Gallagher, Doherty, Kennedy, Lynch, "
        "Quinn, Nolan",
    ),
    Country(
        "US",
        "en-US",
        0.1,
        False,
        (
            City("Denver", "Colorado", "America/Denver", 0.3),
            City("Portland", "Oregon", "America/Los_Angeles", 0.3),
            City("Boston", "Massachusetts", "America/New_York", 0.2),
            City("Austin", "Texas", "America/Chicago", 0.2),
        ),
        "Liam, Noah, Ethan, Mason, Logan, Tyler, Brandon, Carlos, Marcus, Kevin, Dylan, Wyatt",
        "Ava, Mia, Abigail, Madison, Hailey, Ashley, Brooke, Maria, Jasmine, Kayla, Paige, Sierra",
        "Johnson, Williams, Davis, Miller, Garcia, Rodriguez, Anderson, Jackson, Lee, Nguyen, "
        "Lopez, Harris, Reed",
    ),
    Country(
        "CA",
        "en-CA",
        0.04,
        False,
        (
            City("Vancouver", "British Columbia", "America/Vancouver", 0.6),
            City("Calgary", "Alberta", "America/Edmonton", 0.4),
        ),
        "Nathan, Owen, Connor, Gavin, Ryan, Mathieu, Arjun, Evan, Cole",
        "Claire, Julie, Hannah, Priya, Megan, Rachel, Sophie, Emily, Nora",
        "MacDonald, Tremblay, Singh, Roy, Chan, Campbell, Stewart, Gagnon, Wilson, Morrison",
    ),
    Country(
        "AU",
        "en-AU",
        0.03,
        True,
        (
            City("Melbourne", "Victoria", "Australia/Melbourne", 0.5),
            City("Hobart", "Tasmania", "Australia/Hobart", 0.25),
            City("Perth", "Western Australia", "Australia/Perth", 0.25),
        ),
        "Lachlan, Cooper, Riley, Mitchell, Angus, Joel, Blake, Hamish",
        "Matilda, Ruby, Chloe, Georgia, Imogen, Tahlia, Zara, Jade",
        "Walker, Kelly, White, Harris, Martin, Thompson, Nguyen, King, Wright, Baker",
    ),
)
