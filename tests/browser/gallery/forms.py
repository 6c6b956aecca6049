"""Forms as the panel's own are: crispy ones, plain filters, allauth's login."""

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Field, Fieldset, Layout, Row
from django import forms

from tests.browser.gallery.people import LONG


class CustomerFilter(forms.Form):
    """A filter as django-filter makes it, without any class on its widgets."""

    status = forms.ChoiceField(choices=[("", "All"), ("active", "Active"), ("off", "Suspended")])
    provider = forms.CharField()
    plan = forms.ChoiceField(choices=[("", "Any"), ("1", LONG)])
    created_after = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    created_before = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))


class ContactForm(forms.Form):
    """A crispy form with everything that one can have."""

    name = forms.CharField(label="Contact name")
    company = forms.CharField(required=False)
    email = forms.EmailField(help_text="Forgotten passwords go to this address.")
    phone = forms.CharField(required=False)
    country = forms.ChoiceField(choices=[("", "–"), ("DE", "Germany"), ("ES", "Spain")])
    street = forms.CharField(required=False)
    city = forms.CharField(required=False)
    postal_code = forms.CharField(required=False)
    is_shown = forms.BooleanField(label="Show it on invoices", required=False)
    username = forms.CharField(help_text="1 to 60 characters: letters, digits, dot, dash.")
    password = forms.CharField(
        widget=forms.PasswordInput, help_text="At least 12 characters.", label="Password"
    )
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    create = forms.BooleanField(label="Create a subscription for the customer", required=False)
    kind = forms.ChoiceField(
        choices=[("unpaid", "Unpaid"), ("abuse", "Abuse"), ("other", "Other")],
        widget=forms.RadioSelect,
        initial="unpaid",
    )

    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    helper.layout = Layout(
        Fieldset(
            "Contact information",
            Row(Column("name"), Column("company")),
            Row(Column("email"), Column("phone")),
            "country",
        ),
        Fieldset("Address", "street", "city", "postal_code", "is_shown"),
        Fieldset(
            "Login",
            Row(
                Column("username"), Column(Field("password", template="core/_password_field.html"))
            ),
        ),
        Fieldset("More", "description", "kind", "create"),
    )


class PlanForm(forms.Form):
    """The small form that stands beside each target."""

    plan = forms.ChoiceField(
        choices=[("", "Custom plan"), ("1", "Business"), ("2", "Basic")], required=False
    )


class LoginForm(forms.Form):
    """allauth's fields."""

    login = forms.CharField(label="Username")
    password = forms.CharField(widget=forms.PasswordInput)
    remember = forms.BooleanField(required=False)


class ForgottenForm(forms.Form):
    """Username and email."""

    username = forms.CharField()
    email = forms.EmailField(help_text="The one in your contact information.")


def bound(form: type[forms.Form], **data: str) -> forms.Form:
    """A form that was sent."""
    made = form(data)
    made.is_valid()
    return made


def owner_form() -> forms.Form:
    """The form that all targets share."""

    class OwnerForm(forms.Form):
        owner = forms.ChoiceField(
            label="New owner", choices=[("", "–"), ("1", "Webhaus Nord"), ("2", LONG)]
        )
        helper = FormHelper()
        helper.form_tag = False

    return OwnerForm()


def failed_login() -> forms.Form:
    """Half filled in, and wrong."""
    form = bound(LoginForm, login="anna")
    form.add_error(None, "Username or password is wrong.")
    return form
