"""Names for a panel at size: people, trades and addresses that read like any provider's list."""

# Lists of words in a text of their own: one to a line would be pages of names.
_FIRST = """
Adam Agnes Aisha Alba Alice Amir Anna Antoine Bea Bjorn Carla Chen Clara Daniel Diego
Dora Elena Elif Emil Emma Erik Fatima Felix Finn Freya Greta Hana Hugo Ines Ivan Jakub
Jana Jonas Julia Kai Karim Lara Lena Leo Lina Luca Maja Marc Marta Mei Mila Nadia Nina
Noah Nora Olga Omar Oscar Paula Pia Rania Rosa Sam Sara Sofia Tariq Theo Vera Yara Zoe
"""
_LAST = """
Abadi Adler Almeida Andersen Bakker Bauer Berg Bianchi Blanc Brandt Castro Costa Dahl
Demir Dubois Eriksen Fabre Farah Ferrari Fischer Gallo Garnier Gruber Haddad Hansen
Hoffmann Horvath Ito Jansen Kaya Keller Klein Kowal Kruger Lambert Larsen Lindgren Lopez
Marino Martin Meyer Moreau Moretti Nagy Nielsen Novak Okafor Olsen Patel Pereira Popescu
Ramos Ricci Roux Sato Schmid Silva Sorensen Suzuki Tanaka Torres Varga Vidal Weber Wolf
Yilmaz Zeman
"""
_TRADES = """
Architects Bakery Bikes Books Boats Cafe Carpentry Ceramics Cinema Clinic Consulting
Dental Design Electric Films Florist Fitness Gallery Garden Glass Hotel Interiors
Joinery Kitchens Law Lighting Logistics Music Optics Outdoor Painting Pharmacy Photo
Plumbing Press Print Roofing Sailing School Security Shoes Software Solar Studio Tailors
Tea Textiles Tiles Tours Toys Translations Vet Watches Wine Yoga
"""
NOTES = (
    "Pays yearly",
    "Prefers phone calls",
    "Moved from the old server",
    "Wants a shop in spring",
    "Contract until the end of next year",
    "Invoices go to the tax adviser",
)

FIRST, LAST, TRADES = (words.split() for words in (_FIRST, _LAST, _TRADES))
